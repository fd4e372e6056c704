"""Other tiles and another reading of the maps of a finished run."""

import shutil
from pathlib import Path

import pytest
import torch

from algorithm.errors import AlgorithmError
from tests.training.drawing import drawn_data
from training.checkpoints import BEST, load_checkpoint, save_checkpoint
from training.revalidate import recipe_of_run, revalidate


@pytest.fixture
def run(runs: list[Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(runs[1], tmp_path / "run"))


def test_the_same_settings_give_the_same_figures(run: Path) -> None:
    best = load_checkpoint(run / BEST)["best"]
    found = revalidate(run, recipe_of_run(run, []), drawn_data(), keep=False)
    assert found == {
        key: best[key]
        for key in ("validation_loss", "validation_f1", "validation_precision", "validation_recall", "threshold")
    }


def test_kept_settings_are_in_the_checkpoint_and_nothing_else_is_changed(run: Path) -> None:
    before = load_checkpoint(run / BEST)
    recipe = recipe_of_run(run, ["input.overlap=0", "postprocess.dilation_radius_um=0"])
    found = revalidate(run, recipe, drawn_data(), keep=True)
    after = load_checkpoint(run / BEST)
    assert after["recipe"]["input"]["overlap"] == 0
    assert after["recipe"]["postprocess"]["dilation_radius_um"] == 0
    assert after["best"] == before["best"] | found
    assert all(torch.equal(after["model"][key], value) for key, value in before["model"].items())


def test_without_keep_the_checkpoint_stays(run: Path) -> None:
    before = (run / BEST).read_bytes()
    revalidate(run, recipe_of_run(run, ["input.overlap=0"]), drawn_data(), keep=False)
    assert (run / BEST).read_bytes() == before


def test_a_run_from_before_a_setting_was_there_is_read(run: Path) -> None:
    """Its recipe lacks the key; the default is what it was trained with."""
    checkpoint = load_checkpoint(run / BEST)
    del checkpoint["recipe"]["folds_by"], checkpoint["recipe"]["select_on"]
    save_checkpoint(run / BEST, checkpoint)
    recipe = recipe_of_run(run, ["input.overlap=0.5"])
    assert (recipe.folds_by, recipe.select_on, recipe.input.overlap) == ("slide", "loss", 0.5)
    with pytest.raises(AlgorithmError, match="changes what"):
        recipe_of_run(run, ["select_on=f1"])


@pytest.mark.parametrize(
    "override", ["input.resolution_um_px=0.5", "model.width=16", "seed=9", "sampling.positive_fraction=1"]
)
def test_what_training_had_to_know_is_refused(run: Path, override: str) -> None:
    with pytest.raises(AlgorithmError, match=r"changes what .* was trained with"):
        recipe_of_run(run, [override])

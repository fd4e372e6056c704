"""A recipe's second stage: measured with the run, taken along into its bundle, and applied there without any option."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from algorithm import detectors
from algorithm.bundle import load_bundle, load_second_stage
from algorithm.detections import Detections
from algorithm.errors import AlgorithmError, BundleError
from evaluation.matching import Counts
from tests.arrays import FIGURE, ArrayImage
from tests.tiny_boxes import write_tiny_boxes
from tests.tiny_nuclei import write_tiny_nuclei
from tests.training.crops import data_of_nuclei, tiny_nuclei_recipe
from tests.training.drawing import drawn_data, drawn_pixels, tiny_recipe, tiny_tree
from training import export as exporting
from training.bundles.card import Card
from training.checkpoints import BEST, load_checkpoint, save_checkpoint
from training.data.regions import Region, at_resolution, in_memory
from training.export import export
from training.fit import fit
from training.recipe import BoxesRecipe, recipe_from
from training.revalidate import recipe_of_run, revalidate
from training.second_stage import confirmed
from training.validation import THRESHOLDS, best_score

FIGURES, LOOK_ALIKES = [(20.0, 24.0), (70.0, 52.0), (100.0, 20.0)], [(40.0, 60.0)]
BOXES = {
    "system": "boxes",
    "model": {"name": "rtmdet", "width": 0.125, "depth": 0.33},
    "postprocess": {"threshold": 0.5, "lower_threshold": 0.05},
    "sampling": {"box_um": 4.0},
}


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Takes dark crops for figures and paler ones for none; its two members do not quite agree."""
    return write_tiny_nuclei(tmp_path_factory.mktemp("judge") / "bundle", members=2, patch_px=16, threshold=0.7)


@pytest.fixture
def region() -> Region:
    return in_memory("a", "a", "a", drawn_pixels(128, 80, FIGURES, LOOK_ALIKES), 0.25, np.array(FIGURES))


def found(*points: tuple[float, float]) -> Detections:
    places = np.array(points).reshape(-1, 2)
    return Detections(places, np.full(len(places), 0.9), np.full((len(places), 1), 0.9))


def test_what_both_take_for_a_figure_is_one(judge: Path, region: Region) -> None:
    several = [found(*FIGURES, *LOOK_ALIKES), found(), found(*LOOK_ALIKES), found(FIGURES[1])]
    kept = [set(map(tuple, each.points.tolist())) for each in confirmed(several, region, judge)]
    assert kept == [set(FIGURES), set(), set(), {FIGURES[1]}]
    assert [len(each) for each in confirmed([found(), found()], region, judge)] == [0, 0]


def test_the_second_stage_sees_the_region_as_it_was_published(judge: Path) -> None:
    """A dot that pales where the recipe looks from afar, and places in px of what it sees."""
    pixels = drawn_pixels(128, 80, [], [])
    pixels[36:44, 60:68] = FIGURE
    region = in_memory("a", "a", "a", pixels, 0.25, np.array([(63.5, 39.5)]))
    coarse = at_resolution(region, 2.0)
    assert (coarse.width, coarse.height) == (16, 10)
    at, beside = coarse.figures[0].tolist(), (3.0, 5.0)
    (kept,) = confirmed([found(tuple(at), beside)], coarse, judge)
    assert kept.points.tolist() == [at]
    (blind,) = confirmed([found(tuple(at), beside)], replace(coarse, published=None), judge)
    assert len(blind) == 0
    again = at_resolution(coarse, 0.5)
    assert again.published is region


class Everything:
    """0.7 on all that is darker than stroma, 0.01 elsewhere."""

    def __call__(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.where(tiles[None, ..., 0] < 150, 0.7, 0.01).astype(np.float32)


def test_validation_measures_with_it_at_every_threshold(judge: Path, region: Region) -> None:
    recipe = tiny_recipe()
    assert best_score(Everything(), [region], recipe).counts == Counts(3, 1, 0)
    judged = recipe.model_copy(update={"second_stage": judge})
    point = best_score(Everything(), [region], judged)
    assert point.counts == Counts(3, 0, 0)
    assert point.threshold in THRESHOLDS


def test_a_run_is_read_again_with_it_and_becomes_a_bundle_that_has_it(
    runs: list[Path], judge: Path, card: Card, tmp_path: Path, kept_graphs: Callable[[list[int]], None]
) -> None:
    """It vetoes everything, so there is nothing left to find; the checkpoint's network is what it was."""
    run = Path(shutil.copytree(runs[0], tmp_path / "run"))
    nothing = write_tiny_nuclei(tmp_path / "nothing", patch_px=16, threshold=0.999999)
    measured = revalidate(run, recipe_of_run(run, [f"second_stage={nothing}"]), drawn_data(), keep=False)
    assert measured["validation_recall"] == 0
    recipe = recipe_of_run(run, [f"second_stage={judge}"])
    assert recipe.second_stage == judge
    revalidate(run, recipe, drawn_data(), keep=True)
    kept_graphs([0])
    export([run], card, tmp_path / "bundle")
    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.second_stage is not None
    inner = sorted(path.name for path in bundle.second_stage.path.iterdir())
    assert inner == ["manifest.json", "member_0.onnx", "member_1.onnx"]
    assert all((bundle.second_stage.path / name).read_bytes() == (judge / name).read_bytes() for name in inner)
    with pytest.raises(AlgorithmError, match="trained with another recipe"):
        export([run, runs[1]], card, tmp_path / "both")


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Takes next to nothing for a figure."""
    return write_tiny_nuclei(tmp_path_factory.mktemp("strict") / "bundle", members=2, patch_px=16, threshold=0.9999)


@pytest.fixture(scope="module")
def run_of_boxes(tmp_path_factory: pytest.TempPathFactory, strict: Path) -> Path:
    """With the second stage from the first epoch on."""
    run = tmp_path_factory.mktemp("boxes") / "run"
    optimiser = {"learning_rate": 3e-3, "batch_size": 4, "epochs": 1, "batches_per_epoch": 40}
    recipe = recipe_from(tiny_tree(**BOXES, optimiser=optimiser, second_stage=str(strict)), "tiny")
    fit(recipe, drawn_data(), run, 0, resume=False)
    return run


def contents(bundle: Any, image: ArrayImage) -> list[bytes]:
    result = detectors.load(bundle, "cpu", threshold=0.06).detect(image)
    assert len(result.detections) > 0
    return [getattr(result.detections, name).tobytes() for name in ("points", "scores", "member_scores")]


def test_the_exported_bundle_finds_what_the_option_gives(
    run_of_boxes: Path, strict: Path, card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of_run(run_of_boxes, [])
    assert isinstance(recipe, BoxesRecipe)
    assert recipe.second_stage == strict
    export([run_of_boxes], card, tmp_path / "both")
    graph = tmp_path / "both" / "member_0.onnx"
    monkeypatch.setattr(exporting, "write_onnx", lambda _model, _size, path, *_: shutil.copy(graph, path))
    alone = Path(shutil.copytree(run_of_boxes, tmp_path / "run"))
    checkpoint = load_checkpoint(alone / BEST)
    save_checkpoint(alone / BEST, {**checkpoint, "recipe": {**checkpoint["recipe"], "second_stage": None}})
    export([alone], card, tmp_path / "alone")
    assert "second_stage" not in json.loads((tmp_path / "alone" / "manifest.json").read_text())
    image = ArrayImage(drawn_pixels(128, 80, FIGURES, LOOK_ALIKES))
    plain = load_bundle(tmp_path / "alone")
    asked = replace(plain, second_stage=load_second_stage(strict))
    own = contents(load_bundle(tmp_path / "both"), image)
    assert own == contents(asked, image)
    assert own != contents(plain, image)


def test_runs_without_a_second_stage_make_bundles_without(bundle: Path) -> None:
    assert load_bundle(bundle).second_stage is None
    assert sorted(path.name for path in bundle.iterdir()) == ["manifest.json", "member_0.onnx", "member_1.onnx"]


def test_what_is_no_second_stage_stops_a_run_before_it_begins(tmp_path: Path) -> None:
    for folder, problem in (
        (write_tiny_boxes(tmp_path / "boxes"), "cannot be a second stage: its detector is boxes"),
        (tmp_path / "nowhere", "nowhere/manifest.json cannot be read"),
    ):
        recipe = tiny_nuclei_recipe(second_stage=str(folder))
        with pytest.raises(BundleError, match=problem):
            fit(recipe, data_of_nuclei(), tmp_path / "run", 0, resume=False)
    assert not (tmp_path / "run").exists()


def test_a_second_stage_that_is_gone_makes_no_bundle(runs: list[Path], card: Card, tmp_path: Path) -> None:
    run = Path(shutil.copytree(runs[0], tmp_path / "run"))
    checkpoint = load_checkpoint(run / BEST)
    gone = str(tmp_path / "gone")
    save_checkpoint(run / BEST, {**checkpoint, "recipe": {**checkpoint["recipe"], "second_stage": gone}})
    with pytest.raises(BundleError, match=r"gone/manifest\.json cannot be read"):
        export([run], card, tmp_path / "bundles" / "new")
    assert list((tmp_path / "bundles").iterdir()) == []

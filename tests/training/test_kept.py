"""Several networks out of one run: each at its own best, in a folder that is a run of its own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from algorithm.bundle import load_classification_bundle
from tests.training.comparison import differences
from tests.training.drawing import tiny_classifier_recipe, typed_data
from tests.training.interruption import interrupted_in_the_second_epoch
from training import averaging
from training.bundles.card import Card
from training.checkpoints import BEST, LAST, load_checkpoint
from training.data.split import split_fold
from training.export import export
from training.fit import fit
from training.kept import Kept, kept_networks
from training.optimiser_settings import OptimiserSettings
from training.recipe import Recipe
from training.revalidate import recipe_of_run, revalidate
from training.trainer import Trainer

NAMES = ["mean-0.00025", "mean-0.5", "raw"]
OPTIMISER = {"learning_rate": 1e-2, "batch_size": 8, "epochs": 3, "batches_per_epoch": 4, "averages": [0.5, 2.5e-4]}
SCORES = ("balanced_accuracy", "sensitivity", "specificity", "auroc")


def recipe() -> Recipe:
    return tiny_classifier_recipe(folds_by="domain", validate_on="domain", optimiser=OPTIMISER)


@pytest.fixture(scope="module", autouse=True)
def quick_means() -> Iterator[None]:
    """The shares come down within a few steps, not 2,000: else the means would hardly differ from the raw network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(averaging, "SLOWNESS", 3)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "run"
    tested = fit(recipe(), typed_data("abc"), folder, fold="c", resume=False)
    assert sorted(path.name for path in tested) == NAMES
    for path, found in tested.items():
        assert found == {key: load_checkpoint(path / BEST)["best"][key] for key in found}
        assert found.keys() == {f"tested_{key}" for key in SCORES}
    return folder


def lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_each_network_has_a_folder_and_the_run_the_last_checkpoint(run: Path) -> None:
    assert sorted(path.name for path in run.iterdir()) == sorted([LAST, *NAMES])
    for name in NAMES:
        board, *others = sorted((path.name for path in (run / name).iterdir()), key=lambda file: "tfevents" not in file)
        assert "tfevents" in board
        assert sorted(others) == [BEST, "metrics.jsonl"]


def test_each_is_kept_at_its_own_best(run: Path) -> None:
    for name in NAMES:
        of_network, checkpoint = lines(run / name), load_checkpoint(run / name / BEST)
        assert [line["epoch"] for line in of_network] == [1, 2, 3]
        best = min(of_network, key=lambda line: line["validation_loss"])
        assert {key: checkpoint["best"][key] for key in best} == best
        assert (checkpoint["epoch"], checkpoint["kept"]) == (best["epoch"], name)
        events = EventAccumulator(str(run / name)).Reload().Scalars("validation_loss")
        assert [event.value for event in events] == pytest.approx([line["validation_loss"] for line in of_network])
    losses = {tuple(line["validation_loss"] for line in lines(run / name)) for name in NAMES}
    assert len(losses) == len(NAMES)
    assert len({tuple(line["training_loss"] for line in lines(run / name)) for name in NAMES}) == 1


def test_a_network_that_is_better_again_is_the_best() -> None:
    """One may be at its best where another is not; "loss" is the better the less it is, all else the more."""
    for select_on, values, improved in (
        ("loss", (3.0, 2.0, 2.5, 1.0), [True, True, False, True]),
        ("auroc", (0.5, 0.4, 0.6, 0.6), [True, False, True, False]),
        ("last", (0.5, 0.4, 0.6, 0.6), [True, True, True, True]),
    ):
        kept, found = Kept("", nn.Identity()), []
        for epoch, value in enumerate(values):
            kept.take({"epoch": epoch, f"validation_{select_on}": value}, select_on)
            found.append(kept.improved)
        assert found == improved
        assert kept.best["epoch"] == max(epoch for epoch, better in enumerate(improved) if better)


def test_without_several_means_one_network_is_kept_in_the_runs_own_folder() -> None:
    model = nn.Linear(2, 1)
    (raw,) = kept_networks(model, OptimiserSettings())
    assert (raw.folder, raw.network) == ("", model)
    (mean,) = kept_networks(model, OptimiserSettings(average=0.1))
    assert mean.folder == ""
    assert mean.network is not model


def test_a_run_that_stopped_goes_on_as_if_it_had_not(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = tmp_path / "stopped"
    with interrupted_in_the_second_epoch(monkeypatch):
        fit(recipe(), typed_data("abc"), stopped, fold="c", resume=False)
    torch.rand(7)  # whatever else draws random numbers
    fit(recipe(), typed_data("abc"), stopped, fold="c", resume=True)
    assert differences(stopped / LAST, run / LAST) == set()
    for name in NAMES:
        assert differences(stopped / name / BEST, run / name / BEST) == set()
        assert (stopped / name / "metrics.jsonl").read_bytes() == (run / name / "metrics.jsonl").read_bytes()


def test_what_goes_on_is_the_raw_network_and_each_mean(run: Path) -> None:
    last = load_checkpoint(run / LAST)
    assert sorted([last["kept"], *last["means"]]) == sorted(NAMES)
    own = recipe()
    trainer = Trainer(own, split_fold(typed_data("abc"), own, "c"))
    trainer.restore(last)
    assert trainer.kept[0].network is trainer.model
    weights = [kept.network.state_dict()["head.2.weight"] for kept in trainer.kept]
    assert len({tuple(weight.flatten().tolist()) for weight in weights}) == len(NAMES)
    assert [int(kept.mean.n_averaged) for kept in trainer.kept[1:]] == [12, 12]


def test_each_folder_is_a_run_to_validate(run: Path) -> None:
    for name in NAMES:
        best = load_checkpoint(run / name / BEST)["best"]
        found = revalidate(run / name, recipe_of_run(run / name, []), typed_data("abc"), keep=False)
        assert found == pytest.approx({key: best[key] for key in found}, abs=1e-6)


def test_the_folders_are_the_members_of_a_bundle(run: Path, card: Card, tmp_path: Path) -> None:
    """Each with its own epoch, figures and weights."""
    parity = export([run / name for name in NAMES], card, tmp_path / "bundle", typed_data("abc"))
    assert parity["largest_logit_difference"] < 1e-3
    members = load_classification_bundle(tmp_path / "bundle").manifest.members
    assert [member.note for member in members] == [f"network {name} of its run" for name in NAMES]
    assert [member.held_out for member in members] == ["c"] * 3
    for name, member in zip(NAMES, members, strict=True):
        best = load_checkpoint(run / name / BEST)["best"]
        assert member.validation.model_dump() == {
            **{key: best[f"validation_{key}"] for key in SCORES},
            **{key: best[key] for key in ("epoch", "threshold")},
        }
        assert member.tested.model_dump() == {key: best[f"tested_{key}"] for key in SCORES}
    assert len({member.files["any"].sha256 for member in members}) == 3

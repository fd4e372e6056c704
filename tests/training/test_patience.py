"""A run that ends where it gets no better: when, that it is finished then, and that it ends there if resumed too."""

import json
from pathlib import Path

import pytest

from tests.training.comparison import differences
from tests.training.drawing import drawn_data, tiny_classifier_recipe, tiny_recipe, typed_data
from tests.training.interruption import interrupted_in_the_second_epoch
from training.checkpoints import BEST, LAST, load_checkpoint
from training.data.split import split_fold
from training.fit import fit
from training.recipe import Recipe
from training.systems.segmentation import Segmentation
from training.trainer import Trainer

STILL = {"learning_rate": 1e-9, "batch_size": 2, "epochs": 9, "batches_per_epoch": 1}
"""A network that hardly moves, so that its F1 stays what it is after the first epoch."""


def recipe(patience: int | None = 2, **changes: object) -> Recipe:
    return tiny_recipe(optimiser={**STILL, "patience": patience}, **changes)


def epochs(run: Path) -> list[int]:
    return [json.loads(line)["epoch"] for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture
def losses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What validation will find, epoch by epoch."""
    values: list[float] = []
    monkeypatch.setattr(Segmentation, "validate", lambda *_: {"validation_loss": values.pop(0)})
    return values


@pytest.fixture
def ended(tmp_path: Path) -> Path:
    """A run whose F1 is never better than after its first epoch."""
    run = tmp_path / "ended"
    fit(recipe(select_on="f1"), drawn_data(), run, fold=0, resume=False)
    return run


@pytest.mark.parametrize(
    ("patience", "trained", "best"),
    [(1, 3, 2), (2, 7, 5), (3, 8, 5), (None, 9, 5)],
)
def test_a_run_ends_after_so_many_epochs_without_a_better_one(
    tmp_path: Path, losses: list[float], patience: int | None, trained: int, best: int
) -> None:
    """An equal one is no better; a better one is waited for anew."""
    losses += [3.0, 2.0, 2.5, 1.9, 1.8, 1.8, 1.9, 2.0, 2.0]
    fit(recipe(patience), drawn_data(), tmp_path, fold=0, resume=False)
    assert epochs(tmp_path) == list(range(1, trained + 1))
    assert load_checkpoint(tmp_path / LAST)["epoch"] == trained
    assert load_checkpoint(tmp_path / BEST)["epoch"] == best


def test_it_says_why_it_ended(tmp_path: Path, losses: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    losses += [1.0, 0.5, 0.5, 0.5]
    fit(recipe(), drawn_data(), tmp_path, fold=0, resume=False)
    assert "tiny, fold 0: no better epoch since 2, so it ended after 4." in " ".join(capsys.readouterr().out.split())


def test_it_says_nothing_of_a_run_that_comes_to_its_end(
    tmp_path: Path, losses: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    losses += [float(10 - epoch) for epoch in range(9)]
    fit(recipe(), drawn_data(), tmp_path, fold=0, resume=False)
    assert load_checkpoint(tmp_path / LAST)["epoch"] == 9
    assert "no better epoch" not in capsys.readouterr().out


def test_a_run_that_ended_is_finished(ended: Path) -> None:
    assert epochs(ended) == [1, 2, 3]
    before = (ended / LAST).read_bytes()
    fit(recipe(select_on="f1"), drawn_data(), ended, fold=0, resume=True)
    assert (ended / LAST).read_bytes() == before
    assert epochs(ended) == [1, 2, 3]


def test_a_run_that_stopped_ends_where_it_would_have(
    ended: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "stopped"
    with interrupted_in_the_second_epoch(monkeypatch):
        fit(recipe(select_on="f1"), drawn_data(), run, fold=0, resume=False)
    assert epochs(run) == [1]
    fit(recipe(select_on="f1"), drawn_data(), run, fold=0, resume=True)
    assert (run / "metrics.jsonl").read_bytes() == (ended / "metrics.jsonl").read_bytes()
    for name in (LAST, BEST):
        assert differences(run / name, ended / name) == set()


def test_of_several_networks_the_one_that_still_becomes_better_is_waited_for() -> None:
    averaging = tiny_classifier_recipe(optimiser={**STILL, "patience": 2, "averages": [0.5]})
    trainer = Trainer(averaging, split_fold(typed_data(), averaging, 0))
    for raw, mean, ended in [
        (1.0, 1.0, False),
        (1.1, 0.9, False),
        (1.1, 0.8, False),
        (1.2, 0.9, False),
        (1.2, 0.9, True),
    ]:
        trainer.epoch += 1
        for kept, loss in zip(trainer.kept, (raw, mean), strict=True):
            kept.take({"epoch": trainer.epoch, "validation_loss": loss}, "loss")
        assert trainer.ended is ended

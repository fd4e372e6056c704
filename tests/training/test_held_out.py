"""A held-out domain: tested after training, and never started from a run that has seen it."""

from pathlib import Path

import pytest

from algorithm.errors import AlgorithmError
from tests.training.drawing import drawn_region, tiny_recipe
from training.checkpoints import BEST, load_checkpoint
from training.data.read import Data
from training.fit import fit
from training.recipe import Recipe
from training.revalidate import recipe_of_run, revalidate
from training.weights.files import read_weights

PARTS = ("tested_f1", "tested_precision", "tested_recall")


@pytest.fixture(scope="module")
def data() -> Data:
    return Data([[drawn_region(f"{domain} {k}", domain, k) for domain in "ab" for k in range(3)]], [], [])


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    optimiser = {"learning_rate": 1e-2, "batch_size": 2, "epochs": 1, "batches_per_epoch": 2}
    return tiny_recipe(folds_by="domain", folds=3, optimiser=optimiser)


@pytest.fixture(scope="module")
def run(data: Data, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("held-out") / "run"
    fit(recipe, data, folder, "b", resume=False)
    return folder


def test_the_run_says_what_it_finds_there(data: Data, run: Path) -> None:
    """In its checkpoint, and as validating it again finds."""
    best = load_checkpoint(run / BEST)["best"]
    found = revalidate(run, recipe_of_run(run, []), data, keep=False)
    assert {key: best[key] for key in PARTS} == {key: found[key] for key in PARTS}
    assert found["threshold"] == best["threshold"]


def test_a_run_goes_on_from_one_that_held_out_the_same(data: Data, recipe: Recipe, run: Path, tmp_path: Path) -> None:
    weights = read_weights(run, recipe.model)
    assert (weights.record["file"], weights.record["fold"]) == ("run/best.pt", "b")
    assert weights.record["tensors"] == weights.record["of"]
    (found,) = fit(recipe, data, tmp_path / "next", "b", resume=False, weights=weights).values()
    assert set(found) == set(PARTS)


def test_a_run_that_has_seen_the_domain_is_no_start(data: Data, recipe: Recipe, run: Path, tmp_path: Path) -> None:
    weights = read_weights(run, recipe.model)
    with pytest.raises(AlgorithmError, match=r"run/best\.pt held out b, and this run would hold out a"):
        fit(recipe, data, tmp_path / "next", "a", resume=False, weights=weights)
    assert not (tmp_path / "next").exists()


def test_a_folder_without_a_run_is_no_start(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(AlgorithmError, match="There is no checkpoint"):
        read_weights(tmp_path, recipe.model)

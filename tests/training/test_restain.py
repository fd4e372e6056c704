"""Training generators: a run for each domain, one that goes on, and the picture of what they make."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from algorithm.errors import AlgorithmError
from tests.training.comparison import differences
from tests.training.crops import data_of_nuclei
from tests.training.interruption import interrupted_in_the_second_epoch
from tests.training.restaining import tiny_restain_recipe
from training.bundles.card import Card
from training.checkpoints import BEST, LAST, load_checkpoint
from training.export import export
from training.fit import fit
from training.models.build import build_model
from training.restain import OWN, PICTURE
from training.revalidate import recipe_of_run
from training.weights.files import Weights

RECIPE = tiny_restain_recipe()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generators of both domains."""
    path = tmp_path_factory.mktemp("restain") / "runs"
    assert fit(RECIPE, data_of_nuclei(), path, 0, resume=False) == {}
    return path


def test_every_domain_has_a_run_of_its_own(runs: Path) -> None:
    assert sorted(path.name for path in runs.iterdir()) == ["a", "b"]
    for run in runs.iterdir():
        checkpoint = load_checkpoint(run / BEST)
        assert (checkpoint["recipe"]["domain"], checkpoint["epoch"], checkpoint["fold"]) == (run.name, 2, 0)
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        assert [line.keys() for line in lines] == [{"epoch", "training_loss", "validation_loss"}] * 2


def test_both_networks_learn_and_domains_learn_apart(runs: Path) -> None:
    torch.manual_seed(RECIPE.seed)
    fresh = build_model(RECIPE.model).state_dict()
    first, second = (load_checkpoint(runs / domain / LAST)["model"] for domain in "ab")
    assert not [key for key, tensor in fresh.items() if torch.equal(tensor, first[key])]
    assert [key for key, tensor in second.items() if not torch.equal(tensor, first[key])]


def test_the_picture_shows_tissue_grey_and_restained(runs: Path) -> None:
    """Thirty squares of 24 px, in nine rows of ten above a caption; own tissue comes first and has a frame."""
    with Image.open(runs / "a" / PICTURE) as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (9 * 30 + 6 + 28, 10 * 30 + 6, 3)
    cells = [pixels[6 + 30 * row : 30 + 30 * row, 6:30] for row in range(3)]
    assert [bool((cell == cell[..., :1]).all()) for cell in cells] == [False, True, False]
    assert [tuple(pixels[4, 10 + 30 * column]) for column in range(2)] == [OWN, (255, 255, 255)]


def test_one_domain_alone_joins_the_others_folder(runs: Path, tmp_path: Path) -> None:
    alone = tiny_restain_recipe(domain="b")
    fit(alone, data_of_nuclei(), tmp_path, 0, resume=False)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    assert differences(tmp_path / "b" / BEST, runs / "b" / BEST) == set()


def test_a_run_that_stopped_goes_on_with_what_is_left(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with interrupted_in_the_second_epoch(monkeypatch):
        fit(RECIPE, data_of_nuclei(), tmp_path, 0, resume=False)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    fit(RECIPE, data_of_nuclei(), tmp_path, 0, resume=True)
    assert all(differences(tmp_path / domain / LAST, runs / domain / LAST) == set() for domain in "ab")
    with pytest.raises(AlgorithmError, match="already holds a run"):
        fit(RECIPE, data_of_nuclei(), tmp_path, 0, resume=False)


def test_what_cannot_be_is_refused(runs: Path, tmp_path: Path, card: Card) -> None:
    with pytest.raises(AlgorithmError, match="There is no run"):
        fit(RECIPE, data_of_nuclei(), tmp_path / "none", 0, resume=True)
    with pytest.raises(AlgorithmError, match="Training has no colour domain c"):
        fit(tiny_restain_recipe(domain="c"), data_of_nuclei(), tmp_path / "new", 0, resume=False)
    with pytest.raises(AlgorithmError, match="trains generators from the start"):
        fit(RECIPE, data_of_nuclei(), tmp_path / "new", 0, resume=False, weights=Weights({}, {}))
    with pytest.raises(AlgorithmError, match="restains crops, and finds and types nothing"):
        recipe_of_run(runs / "a", [])
    with pytest.raises(AlgorithmError, match="restains crops, and no bundle does"):
        export([runs / "a"], card, tmp_path / "bundle")
    assert not list(tmp_path.iterdir())

"""An ensemble's threshold: chosen on the slides that no member trained on, for the mean of the members."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from algorithm.bundle import load_bundle
from algorithm.errors import AlgorithmError
from tests.training.drawing import drawn_data, drawn_region, tiny_recipe
from training.bundles.card import Card
from training.checkpoints import BEST, load_checkpoint
from training.data.read import Data
from training.ensemble import validate_ensemble
from training.export import export

SHARES = (0.9, 0.6)
"""How sure the two members are of a figure: together 0.75."""


def two_members(tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Each as sure of all that is dark as SHARES says, and both of nothing else."""
    dark = tiles[..., 0] < 80
    return np.stack([np.where(dark, share, 0.01) for share in SHARES]).astype(np.float32)


@pytest.fixture
def by_domain() -> tuple[Any, list[dict[str, Any]], Data]:
    """A recipe, checkpoints of runs that held out a and b, and the data: every third slide validates."""
    recipe = tiny_recipe(folds_by="domain", folds=3, threshold_cost=0.01)
    regions = [drawn_region(f"{domain} {k}", domain, k) for domain in "ab" for k in range(4)]
    return recipe, [{"fold": "a"}, {"fold": "b"}], Data([regions], [], [])


def test_the_threshold_is_that_of_the_mean(
    by_domain: tuple[Any, list[dict[str, Any]], Data],
) -> None:
    """The strictest at which the mean of the two finds the figures; of one member alone it would be 0.9 or 0.6."""
    found = validate_ensemble(two_members, *by_domain)
    assert (found.f1, found.threshold) == (1.0, 0.75)
    assert found.slides == 4  # a 0, a 3, b 0 and b 3


def test_a_domain_that_all_members_hold_out_chooses_nothing(
    by_domain: tuple[Any, list[dict[str, Any]], Data],
) -> None:
    """Two runs that held out a: of the others' slides b 0 and b 3 validated both."""
    recipe, checkpoints, data = by_domain
    assert validate_ensemble(two_members, recipe, [checkpoints[0]] * 2, data).slides == 2


def test_the_manifest_says_what_chose_it(
    runs: list[Path], card: Card, tmp_path: Path, kept_graphs: Callable[[list[int]], None]
) -> None:
    kept_graphs([0, 1])
    folders = []
    for run, domain in zip(runs, "ab", strict=True):
        checkpoint = load_checkpoint(run / BEST)
        checkpoint["fold"] = domain
        checkpoint["recipe"] |= {"folds_by": "domain", "folds": 3}
        checkpoint["best"]["threshold"] = 0.25
        folders.append(tmp_path / domain)
        folders[-1].mkdir()
        torch.save(checkpoint, folders[-1] / BEST)
    regions = [drawn_region(f"{domain} {k}", domain, k) for domain in "ab" for k in range(3)]
    export(folders, card, tmp_path / "bundle", Data([regions], [], []))
    manifest = load_bundle(tmp_path / "bundle").manifest
    assert manifest.provenance.validation is not None
    assert manifest.provenance.validation.slides == 2
    assert manifest.postprocess.threshold == manifest.provenance.validation.threshold != 0.25


def test_slides_that_a_member_knows_choose_nothing(
    runs: list[Path], card: Card, tmp_path: Path, kept_graphs: Callable[[list[int]], None]
) -> None:
    """Of two folds by slide, each was trained on by one of the runs."""
    kept_graphs([0, 1])
    with pytest.raises(AlgorithmError, match="Every slide of the data was trained on by one of the runs"):
        export(runs, card, tmp_path / "bundles" / "new", drawn_data())
    assert list((tmp_path / "bundles").iterdir()) == []

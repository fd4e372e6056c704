"""The tiles of a batch, and each process's share of them."""

import pytest
import torch

from tests.training.drawing import FIGURE_RADIUS_PX, drawn_data, tiny_recipe
from training import distributed
from training.batches import Batches
from training.data.sampling import TileSampler
from training.data.split import split_fold
from training.recipe import Recipe


def batches(recipe: Recipe) -> Batches:
    split = split_fold(drawn_data(), recipe, 0)
    return Batches(recipe, TileSampler(split.training, recipe.input.tile_px, FIGURE_RADIUS_PX, recipe.sampling))


def test_batches_are_half_positive_and_follow_from_epoch_and_number() -> None:
    one, other = batches(tiny_recipe()), batches(tiny_recipe())
    tiles, masks = one.make(0, 0)
    assert (tiles.shape, masks.shape) == ((4, 3, 32, 32), (4, 1, 32, 32))
    assert masks[2:].sum() == 0
    other.make(0, 2)
    assert torch.equal(other.make(0, 0)[0], tiles)
    assert not torch.equal(one.make(0, 1)[0], tiles)
    assert not torch.equal(one.make(1, 0)[0], tiles)
    assert not torch.equal(batches(tiny_recipe(seed=1)).make(0, 0)[0], tiles)


def test_an_epoch_has_its_batches_in_order() -> None:
    made = batches(tiny_recipe())
    found = [tiles for tiles, _ in made.of_epoch(1)]
    assert len(found) == 3
    assert all(torch.equal(tiles, made.make(1, number)[0]) for number, tiles in enumerate(found))


def test_tiles_of_a_batch_differ() -> None:
    tiles, _ = batches(tiny_recipe()).make(0, 0)
    assert len({tile.numpy().tobytes() for tile in tiles}) == len(tiles)


def test_processes_make_the_tiles_that_one_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of them five tiles: in turn, and the sixth is the first again."""
    recipe = tiny_recipe(sampling={"positive_fraction": 0.75, "negatives_drawn": 2})
    alone, masks = batches(recipe).make(0, 1)
    assert len(alone) == 5
    monkeypatch.setattr(distributed, "world_size", lambda: 3)
    for rank, places in enumerate([[0, 3], [1, 4], [2, 0]]):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        own, own_masks = batches(recipe).make(0, 1)
        assert torch.equal(own, alone[places])
        assert torch.equal(own_masks, masks[places])

"""The batches of a run, each made while the one before it is trained on."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from algorithm.prefetch import ahead
from training.augment.geometry import window_size
from training.augment.tiles import augmented_tiles
from training.data.sampling import Sampler
from training.distributed import share
from training.recipe import AugmentSettings, TileRecipe

VALIDATION_BATCHES = 8
UNCHANGED = AugmentSettings(flips_and_turns=False)


def validation_batches(recipe: TileRecipe, sampler: Sampler) -> Iterator[tuple[Tensor, Tensor]]:
    """The same tiles (B, 3, H, W) and masks (B, K, H, W) after every epoch, as they are in the validation regions."""
    rng, generator = np.random.default_rng(recipe.seed), torch.Generator()
    for number in range(VALIDATION_BATCHES):
        windows = sampler.batch(rng, recipe.optimiser.batch_size, recipe.input.tile_px, number)
        yield augmented_tiles(windows, recipe.input.tile_px, UNCHANGED, generator)


def generator_from(rng: np.random.Generator) -> torch.Generator:
    """torch's generator for augmentation, which follows from numpy's."""
    return torch.Generator().manual_seed(int(rng.integers(2**62)))


class Batches:
    """Draws and augments tiles; each process makes its own share of a batch.

    The random numbers of a tile follow from the recipe's seed, the epoch, the batch and its place in the batch alone,
    and so does whose turn it is.
    """

    def __init__(self, recipe: TileRecipe, sampler: Sampler) -> None:
        self.recipe = recipe
        self.sampler = sampler

    def of_epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The epoch's batches, as `make` makes them."""
        return ahead((self.make(epoch, number) for number in range(self.recipe.optimiser.batches_per_epoch)), 1)

    def make(self, epoch: int, number: int) -> tuple[Tensor, Tensor]:
        """The process's share of one batch: RGB tiles (n, 3, H, W) in 0 to 1 and masks (n, K, H, W) of 0 and 1."""
        places = share(self.sampler.drawn(self.recipe.optimiser.batch_size))
        tiles, masks = zip(*(self._make_tile(epoch, number, place) for place in places), strict=True)
        return torch.cat(tiles), torch.cat(masks)

    def _make_tile(self, epoch: int, number: int, place: int) -> tuple[Tensor, Tensor]:
        recipe, tile_px = self.recipe, self.recipe.input.tile_px
        rng = np.random.default_rng([recipe.seed, epoch, number, place])
        generator = generator_from(rng)
        positives = self.sampler.positives(recipe.optimiser.batch_size)
        batch = epoch * recipe.optimiser.batches_per_epoch + number
        turn = batch * positives + place if place < positives else None
        window = self.sampler.window(rng, turn, window_size(tile_px, recipe.augment))
        return augmented_tiles([window], tile_px, recipe.augment, generator)

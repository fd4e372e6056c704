"""The stain vectors of regions, for augmentation."""

import logging
from collections.abc import Callable

import numpy as np

from algorithm.stain import RUIFROK, USUAL, StainEstimation, StainMatrix, StainModel, estimate_stains
from algorithm.windows import sampled_windows
from training.data.regions import Pixels, Region
from training.recipe import Recipe

log = logging.getLogger(__name__)
Stains = Callable[[Region], StainMatrix]
"""The stain vectors of a region."""


class RegionStains:
    """Estimates a region's stain vectors when they are first asked for, and keeps them.

    They follow from the region and the seed alone, whatever else was asked for before. A region that another method
    than the model's had to serve is named in a warning.
    """

    def __init__(self, model: StainModel, seed: int, settings: StainEstimation = USUAL) -> None:
        self.model: StainModel = model
        self.seed, self.settings = seed, settings
        self._known: dict[Region, StainMatrix] = {}

    @classmethod
    def of(cls, recipe: Recipe) -> "RegionStains":
        """As the recipe's `augment` says."""
        return cls(recipe.augment.stain_model, recipe.seed, recipe.augment.stain_estimation)

    def __call__(self, region: Region) -> StainMatrix:
        """The region's vectors; the constants where the model is theirs, and then nothing is read."""
        if self.model == "ruifrok":
            return RUIFROK
        if region not in self._known:
            stains = estimate_stains(sampled_pixels(region, self.seed), self.model, self.seed, self.settings)
            if stains.method != self.model:
                log.warning("%s: no two stains found by %s; %s's taken.", region.name, self.model, stains.method)
            self._known[region] = stains
        return self._known[region]


def constants(_: Region) -> StainMatrix:
    """Those of Ruifrok and Johnston, whatever the region: for tiles that stay as they are."""
    return RUIFROK


def sampled_pixels(region: Region, seed: int) -> Pixels:
    """(N, 3) from windows all over the region; all of one of up to 1,024 x 1,024 px."""
    windows = sampled_windows(region.width, region.height, seed)
    return np.concatenate([region.read(*window).reshape(-1, 3) for window in windows])

"""The stain vectors of regions, for augmentation."""

import logging
from itertools import pairwise

import numpy as np

from algorithm.stain import RUIFROK, StainMatrix, StainModel, estimate_stains
from training.data.regions import Pixels, Region

SIDE, WINDOW_PX = 8, 128

log = logging.getLogger(__name__)


class RegionStains:
    """Estimates a region's stain vectors when they are first asked for, and keeps them.

    They follow from the region and the seed alone, whatever else was asked for before. A region that another method
    than the model's had to serve is named in a warning.
    """

    def __init__(self, model: StainModel, seed: int) -> None:
        self.model: StainModel = model
        self.seed = seed
        self._known: dict[Region, StainMatrix] = {}

    def __call__(self, region: Region) -> StainMatrix:
        """The region's vectors; the constants where the model is theirs, and then nothing is read."""
        if self.model == "ruifrok":
            return RUIFROK
        if region not in self._known:
            stains = estimate_stains(sampled_pixels(region, self.seed), self.model, self.seed)
            if stains.method != self.model:
                log.warning("%s: no two stains found by %s; %s's taken.", region.name, self.model, stains.method)
            self._known[region] = stains
        return self._known[region]


def sampled_pixels(region: Region, seed: int) -> Pixels:
    """(N, 3) from 64 windows of at most 128 x 128 px, one at random in each 64th of the region.

    All of a region of up to 1,024 x 1,024 px.
    """
    rng = np.random.default_rng(seed)
    lefts, tops = (np.linspace(0, length, SIDE + 1).astype(int) for length in (region.width, region.height))
    windows = []
    for left, right in pairwise(lefts):
        for top, bottom in pairwise(tops):
            width, height = min(right - left, WINDOW_PX), min(bottom - top, WINDOW_PX)
            x, y = rng.integers(left, right - width, endpoint=True), rng.integers(top, bottom - height, endpoint=True)
            windows.append(region.read(int(x), int(y), int(width), int(height)).reshape(-1, 3))
    return np.concatenate(windows)

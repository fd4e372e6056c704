"""Batches of tiles, half with a mitotic figure and half without, as VM-UNet's training asks for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from algorithm.errors import InputError
from algorithm.patches import first_px
from algorithm.size import Size
from algorithm.stain import RUIFROK, StainMatrix
from algorithm.tissue import tissue_pixels
from training.data.masks import Draw, disk_mask, padded
from training.data.regions import Pixels, Points, Region, read_padded
from training.recipe import SamplingSettings

TRIES = 20


@dataclass(frozen=True)
class Window:
    """A part of a region with its mask; larger than a tile where augmentation will turn or shrink it.

    pixels (H, W, 3) uint8 RGB; mask (H, W) uint8, 1 on mitotic figures, or (K, H, W), one a class; stains: the
    region's.
    """

    pixels: Pixels
    mask: NDArray[np.uint8]
    positive: bool
    stains: StainMatrix = RUIFROK


class Sampler(Protocol):
    """What draws the windows of a batch; whatever it draws follows from the generator it is given."""

    def batch(self, rng: np.random.Generator, size: int, window_px: Size) -> list[Window]:
        """The windows of window_px of a batch of `size`."""

    def window(self, rng: np.random.Generator, positive: bool, window_px: Size) -> Window:
        """One window, with something annotated or without."""

    def drawn(self, size: int) -> int:
        """How many tiles are drawn for a batch of `size`."""

    def positives(self, size: int) -> int:
        """How many tiles of a batch are positive; they come first."""


class Places:
    """Places anywhere in some regions, in large ones as much more often as they are larger."""

    def __init__(self, regions: Sequence[Region]) -> None:
        self.regions = regions
        self._areas = np.cumsum([region.width * region.height for region in regions])

    def drawn(self, rng: np.random.Generator) -> tuple[Region, Points]:
        """A region and places in it, (TRIES, 2), px, x then y."""
        region = self.regions[int(np.searchsorted(self._areas, rng.random() * self._areas[-1], side="right"))]
        return region, rng.random((TRIES, 2)) * (region.width, region.height)

    def tissue(self, rng: np.random.Generator, side_px: int) -> tuple[Region, Pixels]:
        """A region and a square of its tissue, as far as some is found."""
        region, points = self.drawn(rng)
        for point in points.tolist():
            x, y = (first_px(centre, side_px) for centre in point)
            pixels = read_padded(region, x, y, side_px, side_px)
            if holds_tissue(pixels):
                break
        return region, pixels


class TileSampler:
    """Draws windows for training tiles; whatever it draws follows from the generator it is given.

    Positive tiles come from every region with figures, the data sets in equal shares; negative tiles from
    figure-free tissue, from places around annotated look-alikes and from anywhere no figure is. `stains` says a
    region's stain vectors. Raises InputError where no region holds a figure.
    """

    def __init__(
        self,
        data_sets: Sequence[Sequence[Region]],
        tile_px: Size,
        resolution_um_px: float,
        settings: SamplingSettings,
        stains: Callable[[Region], StainMatrix] = lambda _: RUIFROK,
    ) -> None:
        self.tile_px = tile_px
        self.settings = settings
        self.stains = stains
        self.radius_px = settings.mask_radius_um / resolution_um_px
        self.regions = [list(regions) for regions in data_sets if regions]
        self.with_figures = [kept for regions in self.regions if (kept := [r for r in regions if len(r.figures)])]
        self.with_look_alikes = [r for regions in self.regions for r in regions if len(r.hard_negatives)]
        self.figure_free = [kept for regions in self.regions if (kept := [r for r in regions if not len(r.figures)])]
        if not self.with_figures:
            raise InputError("No region of the fold holds a mitotic figure.", "Give more data, or fewer folds.")
        self._anywhere = [Places(regions) for regions in self.figure_free or self.with_figures]

    def batch(self, rng: np.random.Generator, size: int, window_px: Size) -> list[Window]:
        """Windows of window_px: the positive share of `size`, then `negatives_drawn` times the rest negative."""
        return [self.window(rng, place < self.positives(size), window_px) for place in range(self.drawn(size))]

    def window(self, rng: np.random.Generator, positive: bool, window_px: Size) -> Window:
        """One window, with a figure or without."""
        return self._positive(rng, window_px) if positive else self._negative(rng, window_px)

    def drawn(self, size: int) -> int:
        """How many tiles are drawn for a batch of `size`."""
        return self.positives(size) + (size - self.positives(size)) * self.settings.negatives_drawn

    def positives(self, size: int) -> int:
        """How many tiles of a batch hold a figure; they come first."""
        return round(size * self.settings.positive_fraction)

    def _positive(self, rng: np.random.Generator, window_px: Size) -> Window:
        """A tile with the centre of at least one figure, at a uniform place in it."""
        regions = self.with_figures[rng.integers(len(self.with_figures))]
        figures = np.cumsum([len(region.figures) for region in regions])
        number = rng.integers(figures[-1])
        region = regions[int(np.searchsorted(figures, number, side="right"))]
        point = region.figures[rng.integers(len(region.figures))]
        return self._cut(rng, region, point, window_px, positive=True)

    def _negative(self, rng: np.random.Generator, window_px: Size) -> Window:
        """A tile without the centre of any figure, as far as one is found."""
        if self.with_look_alikes and rng.random() < self.settings.hard_negative_fraction:
            region = self.with_look_alikes[rng.integers(len(self.with_look_alikes))]
            points = rng.choice(region.hard_negatives, TRIES)
        else:
            region, points = self._anywhere[rng.integers(len(self._anywhere))].drawn(rng)
        for point in points:
            window = self._cut(rng, region, point, window_px, positive=False)
            if not window.mask.any() and holds_tissue(window.pixels):
                break
        return window

    def _cut(self, rng: np.random.Generator, region: Region, point: Points, window_px: Size, positive: bool) -> Window:
        """A window whose middle tile holds the point at a uniform place."""
        x, y = corner_about(rng, point, self.tile_px, window_px)
        pixels = read_padded(region, x, y, *window_px)
        mask = padded(self._draw_of(region), (region.width, region.height), x, y, *window_px)
        return Window(pixels, mask, positive, self.stains(region))

    def _draw_of(self, region: Region) -> Draw:
        """The region's own masks, or else disks about its figures."""
        return region.mask or partial(disk_mask, region.figures, radius_px=self.radius_px)


def corner_about(rng: np.random.Generator, point: Points, tile_px: Size, window_px: Size) -> tuple[int, int]:
    """The upper left corner, x then y, of a window whose middle tile holds a point (2,) at a uniform place."""
    shift = rng.integers(0, tile_px) + np.subtract(window_px, tile_px) // 2
    x, y = np.round(point) - shift
    return int(x), int(y)


def holds_tissue(pixels: Pixels, least: float = 0.25) -> bool:
    """Whether at least a quarter of the window is tissue, as far as every eighth pixel tells."""
    return bool(tissue_pixels(pixels[::8, ::8]).mean() >= least)

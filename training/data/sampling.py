"""Batches of tiles, half with a mitotic figure and half without, as VM-UNet's training asks for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from algorithm.errors import InputError
from algorithm.patches import first_px
from algorithm.size import Size
from algorithm.stain import RUIFROK, StainMatrix
from algorithm.tiles import stride_px
from algorithm.tissue import tissue_pixels
from training.data.masks import Draw, disk_mask, padded
from training.data.positives import Corner, FigureTiles, GridTiles, Positives, corner_about
from training.data.regions import Pixels, Points, Region, read_padded
from training.data.stains import Stains, constants
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

    def batch(self, rng: np.random.Generator, size: int, window_px: Size, number: int = 0) -> list[Window]:
        """The windows of window_px of the batch of `size` with that number."""

    def window(self, rng: np.random.Generator, turn: int | None, window_px: Size) -> Window:
        """One window: that with something annotated whose turn it is, counted from the start; None: one without."""

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
    """Draws windows for training tiles; whatever it draws follows from its seed and the generator it is given.

    Positive tiles come in turns (training/data/positives.py). Negative tiles come from places around annotated
    look-alikes and from anywhere no figure is, the data sets in equal shares; where a region has no such place, from
    regions without figures. radius_px: of the disks that stand for figures without masks. stains: of a region. overlap:
    of detection's tiles, for an epoch as published. Raises InputError where no region holds a figure.
    """

    def __init__(
        self,
        data_sets: Sequence[Sequence[Region]],
        tile_px: Size,
        radius_px: float,
        settings: SamplingSettings,
        stains: Stains = constants,
        overlap: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.tile_px = tile_px
        self.settings = settings
        self.stains = stains
        self.radius_px = radius_px
        with_figures = _kept(data_sets, lambda region: len(region.figures) > 0)
        if not with_figures:
            raise InputError("No region of the fold holds a mitotic figure.", "Give more data, or fewer folds.")
        self.figures: Positives = (
            GridTiles(with_figures, tile_px, stride_px(tile_px, overlap), seed)
            if settings.epoch == "literal"
            else FigureTiles(with_figures, seed)
        )
        self.with_look_alikes = [r for regions in data_sets for r in regions if len(r.hard_negatives)]
        self._anywhere = [Places(regions) for regions in data_sets if regions]
        self._figure_free = [Places(kept) for kept in _kept(data_sets, lambda region: len(region.figures) == 0)]

    def batch(self, rng: np.random.Generator, size: int, window_px: Size, number: int = 0) -> list[Window]:
        """Windows of window_px: the positive share of `size`, then `negatives_drawn` times the rest negative."""
        first = number * self.positives(size)
        turns = [*range(first, first + self.positives(size)), *[None] * (self.drawn(size) - self.positives(size))]
        return [self.window(rng, turn, window_px) for turn in turns]

    def window(self, rng: np.random.Generator, turn: int | None, window_px: Size) -> Window:
        """One window, with the figure whose turn it is, or without any."""
        if turn is None:
            return self._negative(rng, window_px)
        region, corner = self.figures.corner(rng, turn, self.tile_px, window_px)
        return self._window(region, corner, window_px, positive=True)

    def drawn(self, size: int) -> int:
        """How many tiles are drawn for a batch of `size`."""
        return self.positives(size) + (size - self.positives(size)) * self.settings.negatives_drawn

    def positives(self, size: int) -> int:
        """How many tiles of a batch hold a figure; they come first."""
        return round(size * self.settings.positive_fraction)

    def _negative(self, rng: np.random.Generator, window_px: Size) -> Window:
        """A window without any part of a figure and not of glass, as far as one is found."""
        for region, points in self._negative_places(rng):
            for point in points:
                corner = corner_about(rng, point, self.tile_px, window_px)
                if _holds_centre(region, corner, window_px):
                    continue  # sooner told than by its mask
                window = self._window(region, corner, window_px, positive=False)
                if not window.mask.any() and holds_tissue(window.pixels, self.settings.least_tissue):
                    return window
        return self._window(region, corner, window_px, positive=False)

    def _negative_places(self, rng: np.random.Generator) -> Iterator[tuple[Region, Points]]:
        """A region and places in it, (TRIES, 2), px; then, where none will do, others, at last without figures."""
        if self.with_look_alikes and rng.random() < self.settings.hard_negative_fraction:
            region = self.with_look_alikes[rng.integers(len(self.with_look_alikes))]
            yield region, rng.choice(region.hard_negatives, TRIES)
        yield self._anywhere[rng.integers(len(self._anywhere))].drawn(rng)
        if self._figure_free:
            yield self._figure_free[rng.integers(len(self._figure_free))].drawn(rng)

    def _window(self, region: Region, corner: Corner, window_px: Size, positive: bool) -> Window:
        """With the region's own mask, or else disks about its figures."""
        draw: Draw = region.mask or partial(disk_mask, region.figures, radius_px=self.radius_px)
        mask = padded(draw, (region.width, region.height), *corner, *window_px)
        return Window(read_padded(region, *corner, *window_px), mask, positive, self.stains(region))


def _holds_centre(region: Region, corner: Corner, window_px: Size) -> bool:
    """Whether the centre of a figure lies in a window."""
    inside = (region.figures >= corner) & (region.figures < np.add(corner, window_px))
    return bool(inside.all(axis=1).any())


def _kept(data_sets: Sequence[Sequence[Region]], wanted: Callable[[Region], bool]) -> list[list[Region]]:
    """Of each data set the regions that are wanted; without data sets that have none."""
    return [kept for regions in data_sets if (kept := [region for region in regions if wanted(region)])]


def holds_tissue(pixels: Pixels, least: float = 0.25) -> bool:
    """Whether at least a quarter of the window is tissue, as far as every eighth pixel tells."""
    return bool(tissue_pixels(pixels[::8, ::8]).mean() >= least)

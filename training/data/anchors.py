"""Tiles about annotated figures and look-alikes, for networks that find boxes."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from algorithm.errors import InputError
from algorithm.size import Size
from training.data.masks import disk_mask, padded
from training.data.positives import corner_about
from training.data.regions import Points, Region, read_padded
from training.data.sampling import Places, Window, holds_tissue
from training.data.stains import Stains, constants
from training.data.three_levels import imbalances, sample_probabilities
from training.recipe import AnchorSamplingSettings

Corner = Callable[[Points], tuple[int, int]]
"""Of a window that is to hold a point: its upper left, x then y, px of the region."""
MARK_RADIUS_PX = 2.5
"""Of the disks that mark annotated points, so that a tile's points are turned and scaled with its pixels."""


class AnchorSampler:
    """Draws windows about annotated points, as often as data/three_levels.py says, and windows of tissue at large.

    That is the tissue of regions without figures, whether look-alikes are annotated there or not: of a large picture
    with a mined one or two all else is worth seeing too. `stains` says a region's stain vectors. imbalances: what a
    person should know of how often annotations are drawn. Raises InputError where nothing is annotated.
    """

    def __init__(
        self,
        data_sets: Sequence[Sequence[Region]],
        tile_px: Size,
        settings: AnchorSamplingSettings,
        stains: Stains = constants,
    ) -> None:
        self.tile_px, self.settings, self.stains = tile_px, settings, stains
        self.annotated = [region for regions in data_sets for region in regions if len(_points(region))]
        self.empty = [region for regions in data_sets for region in regions if not len(region.figures)]
        if not self.annotated:
            raise InputError("No region of the fold has an annotation.", "Give more data, or fewer folds.")
        of_region = [name for name, regions in enumerate(data_sets) for region in regions if len(_points(region))]
        counts = [len(_points(region)) for region in self.annotated]
        self._region = np.repeat(np.arange(len(counts)), counts)
        self._number = np.concatenate([np.arange(count) for count in counts])
        figures = np.concatenate([np.arange(len(_points(r))) < len(r.figures) for r in self.annotated])
        names = np.repeat(of_region, counts)
        probabilities = sample_probabilities(names, self._region, figures, settings.mode)
        self.imbalances = imbalances(probabilities, names, figures)
        self._up_to = np.cumsum(probabilities)
        self._anywhere = Places(self.empty)

    def __len__(self) -> int:
        return len(self._region)

    def batch(self, rng: np.random.Generator, size: int, window_px: Size, number: int = 0) -> list[Window]:
        """`size` windows of window_px, those about an annotation first; the number of the batch is of no matter."""
        positives = self.positives(size)
        return [self.window(rng, place if place < positives else None, window_px) for place in range(size)]

    def window(self, rng: np.random.Generator, turn: int | None, window_px: Size) -> Window:
        """A window about an annotation, whatever its turn, or of tissue at large; masks (2, H, W) mark both classes."""
        positive = turn is not None
        if self.settings.mosaic and rng.random() < self.settings.mosaic:
            return self._mosaic(rng, positive, window_px)
        corner = partial(corner_about, rng, tile_px=self.tile_px, window_px=window_px)
        return self._part(rng, positive, corner, *window_px)

    def drawn(self, size: int) -> int:
        """As many as a batch has."""
        return size

    def positives(self, size: int) -> int:
        """How many tiles of a batch are about an annotation; they come first."""
        return size - round(size * self.settings.empty_fraction) if self.empty else size

    def _part(self, rng: np.random.Generator, positive: bool, corner: Corner, width: int, height: int) -> Window:
        """A window about an annotation, or of tissue at large, whose corner lies where `corner` says for a point."""
        if positive:
            anchor = min(int(np.searchsorted(self._up_to, rng.random() * self._up_to[-1], side="right")), len(self) - 1)
            region = self.annotated[self._region[anchor]]
            point = _points(region)[self._number[anchor]]
            return self._cut(region, *corner(point), width, height, positive=True)
        region, points = self._anywhere.drawn(rng)
        for point in points:
            window = self._cut(region, *corner(point), width, height, positive=False)
            if holds_tissue(window.pixels):
                break
        return window

    def _mosaic(self, rng: np.random.Generator, positive: bool, window_px: Size) -> Window:
        """Parts of four windows about a point in the middle of the tile, each with what it is about inside the tile.

        They keep their scale, since a cell's size tells what it is. Several regions have no stains in common: the
        constants are taken.
        """
        tile, (width, height) = np.array(self.tile_px), window_px
        margin = (window_px - tile) // 2
        x, y = (margin + rng.integers(tile // 4, tile * 3 // 4, endpoint=True)).tolist()
        pixels, mask = np.empty((height, width, 3), np.uint8), np.empty((2, height, width), np.uint8)
        for (left, right), (top, bottom) in product(((0, x), (x, width)), ((0, y), (y, height))):
            start = np.array([left, top])
            low, high = np.maximum(start, margin), np.minimum([right, bottom], margin + tile)
            corner = partial(_corner_between, rng, low=low - start, high=high - start)
            part = self._part(rng, positive, corner, right - left, bottom - top)
            pixels[top:bottom, left:right], mask[:, top:bottom, left:right] = part.pixels, part.mask
        return Window(pixels, mask, positive)

    def _cut(self, region: Region, x: int, y: int, width: int, height: int, positive: bool) -> Window:
        window, size = (x, y, width, height), (region.width, region.height)
        marks = [
            padded(partial(disk_mask, points, radius_px=MARK_RADIUS_PX), size, *window)
            for points in (region.figures, region.hard_negatives)
        ]
        return Window(read_padded(region, *window), np.stack(marks), positive, self.stains(region))


def marked_boxes(marks: NDArray[np.bool_], side_px: float) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The boxes of a tile whose annotated points are marked: (G, 4) left, top, right, bottom, px, and classes (G,).

    marks: (classes, H, W), a disk about each point. A box lies about the middle of its mark, whole also where the tile
    ends; pixel centres are at whole numbers. Marks that touch are one.
    """
    centres, classes = [np.empty((0, 2))], [np.empty(0, np.int64)]
    for number, of_class in enumerate(marks):
        labels, count = ndimage.label(of_class)
        found = ndimage.center_of_mass(of_class, labels, np.arange(1, count + 1))
        centres.append(np.array(found, np.float64).reshape(-1, 2)[:, ::-1])
        classes.append(np.full(count, number))
    middle = np.concatenate(centres)
    boxes = np.hstack((middle - side_px / 2, middle + side_px / 2)).astype(np.float32)
    return boxes, np.concatenate(classes)


def _corner_between(
    rng: np.random.Generator, point: Points, low: NDArray[np.int64], high: NDArray[np.int64]
) -> tuple[int, int]:
    """The upper left corner of a window that holds a point (2,) at a uniform place from `low` (2,) to below `high`."""
    x, y = np.round(point) - rng.integers(low, high)
    return int(x), int(y)


def _points(region: Region) -> Points:
    """Figures, then look-alikes, (N, 2)."""
    return np.concatenate((region.figures, region.hard_negatives))

"""Windows about typed mitotic figures, each figure in turn."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from algorithm.errors import InputError
from training.data.masks import disk_mask, padded
from training.data.order import EndlessOrder
from training.data.regions import Pixels, Region, read_padded
from training.data.sampling import Window
from training.data.stains import Stains, constants

BATCH = 64
Figure = tuple[Region, int]
"""A region and the number of one of its figures."""


class FigureSampler:
    """All figures of some data sets, in one shuffled order after the other, which follow from the seed.

    `stains` says a region's stain vectors. radius_px: of the disks that stand for figures without masks; 0 where masks
    are of no use. Raises InputError where a class is missing.
    """

    def __init__(
        self,
        data_sets: Sequence[Sequence[Region]],
        radius_px: float = 0.0,
        seed: int = 0,
        stains: Stains = constants,
    ) -> None:
        self.figures: list[Figure] = [
            (region, number) for regions in data_sets for region in regions for number in range(len(region.figures))
        ]
        self.atypical = np.array([is_atypical(figure) for figure in self.figures], dtype=bool)
        self.votes = np.array([share_for_atypical(figure) for figure in self.figures], dtype=np.float64)
        self.radius_px, self.stains = radius_px, stains
        self._order = EndlessOrder(len(self.figures), [seed])
        if len(set(self.atypical.tolist())) < 2:
            raise InputError("The fold lacks normal or atypical mitotic figures.", "Give more data, or fewer folds.")

    def __len__(self) -> int:
        return len(self.figures)

    def drawn(self, number: int) -> int:
        """Which figure is drawn at a place of the endless order; none comes again before all have come."""
        return self._order.drawn(number)

    def patches(self, size: int) -> Iterator[Pixels]:
        """The squares of `size` px about all figures in their order, (B, size, size, 3) at a time."""
        for start in range(0, len(self), BATCH):
            batch = range(start, min(start + BATCH, len(self)))
            yield np.stack([read_padded(self.figures[i][0], *self._corner(i, size), size, size) for i in batch])

    def window(self, index: int, size: int) -> Window:
        """A square of `size` px about a figure, with masks (2, size, size) of normal and of atypical figures."""
        region, _ = self.figures[index]
        x, y = self._corner(index, size)
        pixels = read_padded(region, x, y, size, size)
        draw = region.mask or partial(disk_mask, region.figures, radius_px=self.radius_px)
        mask = padded(draw, (region.width, region.height), x, y, size, size).astype(bool)
        atypical = _nearest_is_atypical(region, x, y, size)
        masks = np.stack([mask & ~atypical, mask & atypical]).astype(np.uint8)
        return Window(pixels, masks, True, self.stains(region))

    def _corner(self, index: int, size: int) -> tuple[int, int]:
        region, number = self.figures[index]
        x, y = np.round(region.figures[number]) - size // 2
        return int(x), int(y)


def is_atypical(figure: Figure) -> bool:
    """The type of a figure of a typed region."""
    region, number = figure
    assert region.atypical is not None
    return bool(region.atypical[number])


def share_for_atypical(figure: Figure) -> float:
    """Of the experts who looked at a figure; all or none, by its type, where their votes are not known."""
    region, number = figure
    return float(is_atypical(figure) if region.votes is None else region.votes[number])


def _nearest_is_atypical(region: Region, x: int, y: int, size: int) -> NDArray[np.bool_]:
    """(size, size): whether the figure nearest to each pixel of a window is atypical."""
    assert region.atypical is not None
    if len(set(region.atypical.tolist())) == 1:
        return np.full((size, size), region.atypical[0])
    rows, columns = np.arange(y, y + size)[:, None, None], np.arange(x, x + size)[:, None]
    distances = np.hypot(columns - region.figures[:, 0], rows - region.figures[:, 1])
    return np.asarray(region.atypical[distances.argmin(axis=2)])

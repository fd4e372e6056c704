"""Tiles that hold a mitotic figure, each in its turn: none comes again before all have come."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from algorithm.size import Size
from algorithm.tiles import origins
from training.data.order import EndlessOrder
from training.data.regions import Points, Region

Corner = tuple[int, int]
"""The upper left of a window, x then y, px of its region."""


class Positives(Protocol):
    """Windows whose middle tile holds the centre of a figure."""

    def __len__(self) -> int:
        """How many come before one comes again."""

    def corner(self, rng: np.random.Generator, turn: int, tile_px: Size, window_px: Size) -> tuple[Region, Corner]:
        """That of a turn, counted from the start of the run: its region and where it begins."""


class FigureTiles:
    """Tiles about figures, at a uniform place in each; data sets in equal shares, in each of them every figure in turn.

    data_sets: regions, of each data set at least one with figures.
    """

    def __init__(self, data_sets: Sequence[Sequence[Region]], seed: int) -> None:
        self._figures = [[(region, point) for region in regions for point in region.figures] for regions in data_sets]
        self._orders = [EndlessOrder(len(figures), [seed, name]) for name, figures in enumerate(self._figures)]

    def __len__(self) -> int:
        return sum(map(len, self._figures))

    def corner(self, rng: np.random.Generator, turn: int, tile_px: Size, window_px: Size) -> tuple[Region, Corner]:
        """See `Positives`."""
        own_turn, name = divmod(turn, len(self._figures))
        region, point = self._figures[name][self._orders[name].drawn(own_turn)]
        return region, corner_about(rng, point, tile_px, window_px)


class GridTiles:
    """The tiles of detection's grid that hold a figure, as the paper has them: every tile in turn, nothing balanced."""

    def __init__(self, data_sets: Sequence[Sequence[Region]], tile_px: Size, stride_px: Size, seed: int) -> None:
        self._tiles = [
            (region, corner)
            for regions in data_sets
            for region in regions
            for corner in tiles_with_figures(region, tile_px, stride_px)
        ]
        self._order = EndlessOrder(len(self._tiles), [seed])

    def __len__(self) -> int:
        return len(self._tiles)

    def corner(self, rng: np.random.Generator, turn: int, tile_px: Size, window_px: Size) -> tuple[Region, Corner]:
        """See `Positives`; the generator is not asked."""
        region, (x, y) = self._tiles[self._order.drawn(turn)]
        left, top = np.subtract(window_px, tile_px) // 2
        return region, (x - int(left), y - int(top))


def tiles_with_figures(region: Region, tile_px: Size, stride_px: Size) -> Iterator[Corner]:
    """The tiles of a region's grid with the centre of a figure, each once, from above and from the left."""
    across = np.array(origins(region.width, tile_px.width, stride_px.width))
    down = np.array(origins(region.height, tile_px.height, stride_px.height))
    held = np.zeros((len(down), len(across)), bool)
    for x, y in region.figures:
        columns = (across <= x) & (x < across + tile_px.width)
        rows = (down <= y) & (y < down + tile_px.height)
        held |= rows[:, None] & columns
    for row, column in np.argwhere(held):
        yield int(across[column]), int(down[row])


def corner_about(rng: np.random.Generator, point: Points, tile_px: Size, window_px: Size) -> Corner:
    """The corner of a window whose middle tile holds a point (2,) at a uniform place."""
    shift = rng.integers(0, tile_px) + np.subtract(window_px, tile_px) // 2
    x, y = np.round(point) - shift
    return int(x), int(y)

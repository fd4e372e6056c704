"""Work done ahead in a thread: tiles read before the network takes them, every pixel once, in batches."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from algorithm.tiles import TileGrid, View, read_tile

BATCHES_AHEAD = 2
Item = TypeVar("Item")


class TileBatch(NamedTuple):
    """Tiles (B, T, T, 3) uint8 and where each starts, (x, y) in px of the view."""

    places: tuple[tuple[int, int], ...]
    pixels: NDArray[np.uint8]


class Strip:
    """Rows of a view held in memory, themselves a view.

    Neighbouring rows of tiles share most of their pixels: a strip that moves down reads only the rows that are new.
    """

    def __init__(self, view: View) -> None:
        self.width, self.height = view.width, view.height
        self._view = view
        self._y = 0
        self._rows = np.empty((0, view.width, 3), np.uint8)

    def move(self, y: int, height: int) -> None:
        """Hold the rows from y on, which lies below the place before."""
        kept = self._rows[y - self._y :]
        start = y + len(kept)
        fresh = self._view.read(0, start, self.width, y + height - start)
        self._rows = np.concatenate((kept, fresh))
        self._y = y

    def read(self, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        """A window (height, width, 3) of the rows held, in px of the view."""
        return self._rows[y - self._y : y - self._y + height, x : x + width]


def ahead(items: Iterator[Item], count: int) -> Iterator[Item]:
    """The items, none of them None; up to `count` are made in a thread while the caller works on the ones before."""
    with ThreadPoolExecutor(1) as maker:
        coming = deque(maker.submit(next, items, None) for _ in range(count))
        while (item := coming.popleft().result()) is not None:
            coming.append(maker.submit(next, items, None))
            yield item


def tile_batches(view: View, grid: TileGrid, batch_size: int) -> Iterator[TileBatch]:
    """The tiles of a grid in its order, in batches, read ahead."""
    return ahead(_batches(view, grid, batch_size), BATCHES_AHEAD)


def _batches(view: View, grid: TileGrid, batch_size: int) -> Iterator[TileBatch]:
    tiles = _tiles(view, grid)
    while batch := list(islice(tiles, batch_size)):
        places, pixels = zip(*batch, strict=True)
        yield TileBatch(places, np.stack(pixels))


def _tiles(view: View, grid: TileGrid) -> Iterator[tuple[tuple[int, int], NDArray[np.uint8]]]:
    strip = Strip(view)
    for y, xs in grid.rows:
        strip.move(y, min(grid.tile, view.height))
        for x in xs:
            yield (x, y), read_tile(strip, x, y, grid.tile)

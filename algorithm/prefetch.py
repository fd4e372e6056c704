"""Work done ahead in a thread: tiles read before the network takes them, every pixel once, in batches."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, pairwise
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from algorithm.size import Size
from algorithm.tiles import TileGrid, View, read_tile

BATCHES_AHEAD = 2
Item = TypeVar("Item")


class TileBatch(NamedTuple):
    """Tiles (B, H, W, 3) uint8 and where each starts, (x, y) in px of the view."""

    places: tuple[tuple[int, int], ...]
    pixels: NDArray[np.uint8]


class Strip:
    """Rows of a view held in memory, themselves a view, as far as tiles lie in them.

    Neighbouring tiles share pixels: a strip that moves down reads only the pixels that are new, and none between tiles.
    """

    def __init__(self, view: View, tile: Size) -> None:
        self.width, self.height = view.width, view.height
        self._view = view
        self._tile = tile
        self._y = 0
        self._rows = np.empty((0, view.width, 3), np.uint8)
        self._read_to = np.zeros(view.width, np.intp)  # the row that each column has been read to

    def move(self, y: int, xs: Sequence[int]) -> None:
        """Hold the tiles that start at the row y, which lies below the place before, and the columns xs."""
        end = min(y + self._tile.height, self.height)
        rows = np.empty((end - y, self.width, 3), np.uint8)
        kept = self._rows[y - self._y :]
        rows[: len(kept)] = kept
        self._y, self._rows = y, rows

        wanted = np.zeros(self.width, bool)
        for x in xs:
            wanted[x : x + self._tile.width] = True
        missing_from = np.where(wanted, np.maximum(self._read_to, y), end)
        self._read_to[wanted] = end
        changes = np.flatnonzero(np.diff(missing_from)) + 1
        for left, right in pairwise([0, *changes.tolist(), self.width]):
            top = int(missing_from[left])
            if top < end:
                rows[top - y :, left:right] = self._view.read(left, top, right - left, end - top)

    def read(self, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        """A window (height, width, 3) of the tiles held, in px of the view."""
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
    strip = Strip(view, grid.tile)
    for y, xs in grid.rows:
        strip.move(y, xs)
        for x in xs:
            yield (x, y), read_tile(strip, x, y, grid.tile)

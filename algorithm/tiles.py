"""Where tiles lie, how they are read and how their results are blended."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from algorithm.size import Size
from algorithm.tissue import TissueMap

Blending = Literal["uniform", "gaussian"]


class View(Protocol):
    """What tiles are cut from: an image at the spacing asked for, or the rows of it at hand."""

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...

    def read(self, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]: ...


def stride_px(tile: Size, overlap: float) -> Size:
    """The steps from one tile to the next, in px: 102 for squares of 512 at an overlap of 0.8, never below 1.

    The overlap is a share of the shorter side; tiles share as many px along the longer one.
    """
    if not 0 <= overlap < 1:
        raise ValueError(f"an overlap of {overlap} is not in 0 to 1 (1 excluded)")
    rounding = 1e-9  # 10 * (1 - 0.8) is 1.9999999999999996
    shared = min(tile) - max(1, math.floor(min(tile) * (1 - overlap) + rounding))
    return Size(tile.width - shared, tile.height - shared)


def origins(length: int, tile: int, stride: int) -> list[int]:
    """Where tiles start along one side: every stride px, the last one shifted back to end at the border."""
    if length <= tile:
        return [0]
    return [*range(0, length - tile, stride), length - tile]


def spans(length: int, tile: int, stride: int) -> dict[int, tuple[float, float]]:
    """Where tiles start along one side, and from where to where each counts: not in the outer half of an overlap.

    Where the last tile is shifted back, it and the one before it both count in some of what they share.
    """
    margin = (tile - stride) / 2
    return {
        start: (
            start + margin if start > 0 else 0.0,
            start + tile - margin if start + tile < length else float(length),
        )
        for start in origins(length, tile, stride)
    }


def read_tile(view: View, x: int, y: int, tile: Size) -> NDArray[np.uint8]:
    """A tile (H, W, 3) of the view, padded by reflection at the right and below where the view is smaller."""
    width, height = min(tile.width, view.width), min(tile.height, view.height)
    pixels = view.read(x, y, width, height)
    if (width, height) == tile:
        return pixels
    return np.pad(pixels, ((0, tile.height - height), (0, tile.width - width), (0, 0)), mode="reflect")


def blend_weights(tile: Size, blending: Blending) -> NDArray[np.float32]:
    """The weight of each pixel of a tile (H, W) where tiles overlap, above zero everywhere.

    "uniform": 1. "gaussian": 1 at the centre, with standard deviations of a quarter of the tile's sides.
    """
    if blending == "uniform":
        return np.ones((tile.height, tile.width), np.float32)
    return np.outer(_bell(tile.height), _bell(tile.width)).astype(np.float32)


def _bell(side: int) -> NDArray[np.float64]:
    distance = (np.arange(side) - (side - 1) / 2) / (side / 4)
    return np.asarray(np.exp(-0.5 * distance**2))


class TileRow(NamedTuple):
    """The tiles that start at one height: y and every x, in px of the view."""

    y: int
    xs: tuple[int, ...]


@dataclass(frozen=True)
class TileGrid:
    """The tiles over a view of width x height px that hold tissue; together they hold every block of it."""

    width: int
    height: int
    tile: Size
    stride: Size
    tissue: TissueMap

    @cached_property
    def rows(self) -> tuple[TileRow, ...]:
        """The rows that have a tile with tissue, from above, each from the left."""
        return tuple(row for row in self._rows_with_tissue() if row.xs)

    @property
    def total(self) -> int:
        """How many tiles cover the whole view, glass included."""
        return len(self._across) * len(self._down)

    @property
    def with_tissue(self) -> int:
        """How many tiles hold tissue."""
        return sum(len(row.xs) for row in self.rows)

    def own(self, place: tuple[int, int], points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which points (N, 2), px of the view, count for the tile that starts at `place`, as `spans` says."""
        low, high = np.transpose((self._across[place[0]], self._down[place[1]])) - 0.5  # of pixels, not their centres
        return np.asarray(((points >= low) & (points < high)).all(axis=1))

    def _rows_with_tissue(self) -> Iterator[TileRow]:
        for y in self._down:
            yield TileRow(y, tuple(x for x in self._across if self.tissue.any(x, y, *self.tile)))

    @cached_property
    def _across(self) -> dict[int, tuple[float, float]]:
        return spans(self.width, self.tile.width, self.stride.width)

    @cached_property
    def _down(self) -> dict[int, tuple[float, float]]:
        return spans(self.height, self.tile.height, self.stride.height)

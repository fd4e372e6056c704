"""Where tiles lie, how they are read and how their results are blended."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from algorithm.tissue import TissueMap

Blending = Literal["uniform", "gaussian"]


class View(Protocol):
    """What tiles are cut from: an image at the spacing asked for, or the rows of it at hand."""

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...

    def read(self, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]: ...


def stride_px(tile: int, overlap: float) -> int:
    """The step from one tile to the next, in px: 102 for a tile of 512 at an overlap of 0.8, never below 1."""
    if not 0 <= overlap < 1:
        raise ValueError(f"an overlap of {overlap} is not in 0 to 1 (1 excluded)")
    rounding = 1e-9  # 10 * (1 - 0.8) is 1.9999999999999996
    return max(1, math.floor(tile * (1 - overlap) + rounding))


def origins(length: int, tile: int, stride: int) -> list[int]:
    """Where tiles start along one side: every stride px, the last one shifted back to end at the border."""
    if length <= tile:
        return [0]
    return [*range(0, length - tile, stride), length - tile]


def read_tile(view: View, x: int, y: int, tile: int) -> NDArray[np.uint8]:
    """A tile (tile, tile, 3) of the view, padded by reflection at the right and below where the view is smaller."""
    width, height = min(tile, view.width), min(tile, view.height)
    pixels = view.read(x, y, width, height)
    if (height, width) == (tile, tile):
        return pixels
    return np.pad(pixels, ((0, tile - height), (0, tile - width), (0, 0)), mode="reflect")


def blend_weights(tile: int, blending: Blending) -> NDArray[np.float32]:
    """The weight of each pixel of a tile (tile, tile) where tiles overlap, above zero everywhere.

    "uniform": 1. "gaussian": 1 at the centre, with a standard deviation of a quarter of the tile.
    """
    if blending == "uniform":
        return np.ones((tile, tile), np.float32)
    distance = (np.arange(tile) - (tile - 1) / 2) / (tile / 4)
    profile = np.exp(-0.5 * distance**2)
    return np.outer(profile, profile).astype(np.float32)


class TileRow(NamedTuple):
    """The tiles that start at one height: y and every x, in px of the view."""

    y: int
    xs: tuple[int, ...]


@dataclass(frozen=True)
class TileGrid:
    """The tiles over a view of width x height px that hold tissue; together they hold every block of it."""

    width: int
    height: int
    tile: int
    stride: int
    tissue: TissueMap

    @cached_property
    def rows(self) -> tuple[TileRow, ...]:
        """The rows that have a tile with tissue, from above, each from the left."""
        return tuple(row for row in self._rows_with_tissue() if row.xs)

    @property
    def total(self) -> int:
        """How many tiles cover the whole view, glass included."""
        return len(self._starts(self.width)) * len(self._starts(self.height))

    @property
    def with_tissue(self) -> int:
        """How many tiles hold tissue."""
        return sum(len(row.xs) for row in self.rows)

    def _rows_with_tissue(self) -> Iterator[TileRow]:
        starts = self._starts(self.width)
        for y in self._starts(self.height):
            yield TileRow(y, tuple(x for x in starts if self.tissue.any(x, y, self.tile, self.tile)))

    def _starts(self, length: int) -> list[int]:
        return origins(length, self.tile, self.stride)

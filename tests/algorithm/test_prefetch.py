import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithm.errors import InputError
from algorithm.prefetch import ahead, tile_batches
from algorithm.size import Size
from algorithm.tiles import TileGrid, read_tile, stride_px
from algorithm.tissue import tissue_map
from tests.arrays import GLASS, STROMA, plain, view_of


class CountingView:
    """Counts how often each pixel is read; raises where told to."""

    def __init__(self, pixels: np.ndarray, damaged_from: int | None = None) -> None:
        self.view = view_of(pixels)
        self.width, self.height = self.view.width, self.view.height
        self.reads = np.zeros((self.height, self.width), int)
        self.damaged_from = damaged_from

    def read(self, x: int, y: int, width: int, height: int) -> np.ndarray:
        if self.damaged_from is not None and y + height > self.damaged_from:
            raise InputError("array.tiff is damaged.", "Copy it again.")
        self.reads[y : y + height, x : x + width] += 1
        return self.view.read(x, y, width, height)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 150),
    st.integers(1, 150),
    st.builds(Size, st.integers(1, 70), st.integers(1, 70)),
    st.floats(0, 0.9),
    st.integers(1, 9),
    st.integers(0, 99),
)
def test_batches_hold_the_tiles_of_the_grid_in_order_and_read_no_pixel_outside_them_or_twice(
    width: int, height: int, tile: Size, overlap: float, batch_size: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    pixels = plain(width, height, GLASS)
    for x, y in zip(rng.integers(0, width, 4), rng.integers(0, height, 4), strict=True):
        pixels[y : y + 9, x : x + 9] = rng.integers(30, 180, 3)
    view = CountingView(pixels)
    grid = TileGrid(width, height, tile, stride_px(tile, overlap), tissue_map(view_of(pixels)))
    batches = list(tile_batches(view, grid, batch_size))
    assert [place for batch in batches for place in batch.places] == [(x, y) for y, xs in grid.rows for x in xs]
    assert all(len(batch.places) == batch_size for batch in batches[:-1])
    for batch in batches:
        for (x, y), found in zip(batch.places, batch.pixels, strict=True):
            assert np.array_equal(found, read_tile(view_of(pixels), x, y, tile))
    in_tiles = np.zeros_like(view.reads)
    for y, xs in grid.rows:
        for x in xs:
            in_tiles[y : y + tile.height, x : x + tile.width] = 1
    assert np.array_equal(view.reads, in_tiles)


def test_damage_met_in_the_thread_reaches_the_caller() -> None:
    pixels = plain(100, 100, STROMA)
    grid = TileGrid(100, 100, Size.square(32), Size.square(16), tissue_map(view_of(pixels)))
    with pytest.raises(InputError, match="damaged"):
        list(tile_batches(CountingView(pixels, damaged_from=60), grid, 4))


def test_items_are_made_ahead_in_order_and_no_further_than_asked() -> None:
    made: list[int] = []
    first_two = threading.Event()

    def make() -> Iterator[int]:
        for number in range(5):
            made.append(number)
            if number == 1:
                first_two.set()
            yield number

    items = ahead(make(), 2)
    assert next(items) == 0
    assert first_two.wait(10)
    assert list(items) == [1, 2, 3, 4]
    assert made == [0, 1, 2, 3, 4]
    one = ahead(make(), 1)
    assert (next(one), next(one)) == (0, 1)
    one.close()
    assert made[5:] in ([0, 1], [0, 1, 2])

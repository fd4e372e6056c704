"""Windows all over a view: how many, where, and of what."""

import numpy as np
import pytest

from algorithm.tissue import TissueMap, tissue_map, tissue_pixels
from algorithm.windows import sampled_windows
from tests.arrays import GLASS, STROMA, plain, view_of


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (101, 75), (1024, 1024)])
def test_a_small_view_is_read_whole(size: tuple[int, int]) -> None:
    width, height = size
    seen = np.zeros((height, width), int)
    for x, y, wide, high in sampled_windows(width, height, 0):
        seen[y : y + high, x : x + wide] += 1
    assert (seen == 1).all()


def test_of_a_large_view_there_are_64() -> None:
    windows = list(sampled_windows(4000, 1600, 0))
    assert [window[2:] for window in windows] == [(128, 128)] * 64
    assert len({window.x % 500 for window in windows}) > 30


def test_each_window_holds_tissue_where_it_is_known() -> None:
    """Two small pieces in 4,000 x 3,000 px, in three of the 64ths: chance alone would miss them."""
    pixels = plain(4000, 3000, GLASS)
    pixels[640:680, 1200:1230] = STROMA
    pixels[2000:2016, 2490:2510] = STROMA
    view = view_of(pixels)
    windows = list(sampled_windows(4000, 3000, 0, tissue_map(view)))
    assert len(windows) == 3
    assert all(tissue_pixels(view.read(*window)).any() for window in windows)


def test_no_tissue_gives_no_window() -> None:
    nothing = TissueMap(np.zeros((19, 19), np.bool_), 300, 300, 0.25)
    assert list(sampled_windows(300, 300, 0, nothing)) == []


def test_the_seed_says_where() -> None:
    everywhere = TissueMap(np.ones((94, 94), np.bool_), 1500, 1500, 0.25)
    first, again, other = (list(sampled_windows(1500, 1500, seed, everywhere)) for seed in (1, 1, 2))
    assert first == again != other

"""A reduced view is its whole, wherever windows are cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from algorithm.detectors.reduced import ReducedView
from tests.arrays import plain, view_of

PYRAMID, BLUR = (np.outer(weights, weights) for weights in ((1, 4, 6, 4, 1), (1, 2, 1)))


def rounded(sums: np.ndarray, total: int) -> np.ndarray:
    return (sums + total // 2) // total


def noise(width: int, height: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(9, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("halvings", [0, 1, 2])
def test_plain_stays_plain(halvings: int) -> None:
    reduced = ReducedView(view_of(plain(61, 40, (10, 200, 255))), halvings)
    assert (reduced.width, reduced.height) == (-(-61 // reduced.scale), 40 // reduced.scale)
    assert (reduced.read(0, 0, reduced.width, reduced.height) == (10, 200, 255)).all()


def test_a_half_is_smoothed_by_the_pyramids_weights_and_the_blurs() -> None:
    pixels = noise(41, 33)
    reduced = ReducedView(view_of(pixels), 1).read(0, 0, 21, 17)
    for channel in range(3):
        sums = ndimage.correlate(pixels[..., channel].astype(int), PYRAMID, mode="mirror")[::2, ::2]
        expected = rounded(ndimage.correlate(rounded(sums, 256), BLUR, mode="mirror"), 16)
        np.testing.assert_array_equal(reduced[..., channel], expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2), st.data())
def test_a_window_is_that_part_of_the_whole(width: int, height: int, halvings: int, data: st.DataObject) -> None:
    reduced = ReducedView(view_of(noise(width, height, seed=width)), halvings)
    whole = reduced.read(0, 0, reduced.width, reduced.height)
    x, y = (data.draw(st.integers(0, size - 1)) for size in (reduced.width, reduced.height))
    right, bottom = data.draw(st.integers(x + 1, reduced.width)), data.draw(st.integers(y + 1, reduced.height))
    np.testing.assert_array_equal(reduced.read(x, y, right - x, bottom - y), whole[y:bottom, x:right])


def test_black_padding_darkens_nothing() -> None:
    pixels = plain(60, 40)
    pixels[:, 30:] = 3
    assert ReducedView(view_of(pixels), 1).read(0, 0, 30, 20).min() >= plain(1, 1).min()

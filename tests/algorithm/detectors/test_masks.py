import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from algorithm.detectors.masks import ROUNDING, dilated, without_small

masks = arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14)))


@settings(max_examples=150, deadline=None)
@given(masks, st.floats(0, 6))
def test_dilation_is_a_disk_around_every_pixel(mask: np.ndarray, radius: float) -> None:
    places = np.argwhere(mask)
    expected = np.zeros_like(mask)
    for place in np.ndindex(mask.shape):
        expected[place] = any(np.hypot(*(place - other)) <= radius + ROUNDING for other in places)
    assert np.array_equal(dilated(mask, radius), expected)


@settings(max_examples=150, deadline=None)
@given(masks, st.integers(0, 8))
def test_small_components_go(mask: np.ndarray, minimum: int) -> None:
    left = {tuple(place) for place in np.argwhere(mask)}
    expected = np.zeros_like(mask)
    while left:
        component = [left.pop()]
        for row, column in component:
            near = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            component += near
        if len(component) >= minimum:
            expected[tuple(np.transpose(component))] = True
    assert np.array_equal(without_small(mask, minimum), expected)


def test_lengths_that_rounding_moves() -> None:
    mask = np.zeros((1, 40), bool)
    mask[0, :3] = True
    assert without_small(mask, 0.3 / 0.1 + 4e-16 * 3).any()
    assert dilated(mask, 0.3 / 0.1).sum() == 6

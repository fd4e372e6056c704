"""Where clicks and windows lie, in the middle of a region and at its borders."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.arrays import plain
from training.data.regions import Region, in_memory
from training.masks.clicks import click_in, guiding_maps, window_corner


def region(
    figures: list[tuple[float, float]], look_alikes: list[tuple[float, float]] = (), width: int = 300, height: int = 200
) -> Region:
    made = in_memory("a", "a", "a", plain(width, height), 0.25, np.array(figures, float).reshape(-1, 2))
    return replace(made, hard_negatives=np.array(look_alikes, float).reshape(-1, 2))


@pytest.mark.parametrize(
    ("point", "pixel"),
    [
        ((10, 20), (10, 20)),
        ((10.5, 19.49), (11, 19)),
        ((-3, 5), (0, 5)),
        ((299.7, 230), (299, 199)),
        ((0, -0.4), (0, 0)),
    ],
)
def test_a_click_is_the_nearest_pixel(point: tuple[float, float], pixel: tuple[int, int]) -> None:
    np.testing.assert_array_equal(click_in(region([]), np.array(point)), pixel)


@pytest.mark.parametrize(
    ("click", "corner"),
    [
        ((150, 100), (86, 36)),  # the click at (64, 64) of the patch
        ((10, 20), (0, 0)),
        ((299, 199), (172, 72)),
        ((64, 136), (0, 72)),
        ((65, 135), (1, 71)),
    ],
)
def test_at_a_border_the_window_is_shifted_not_the_click(click: tuple[int, int], corner: tuple[int, int]) -> None:
    assert window_corner(region([]), np.array(click), 128) == corner


def test_a_small_region_lies_at_the_windows_corner() -> None:
    assert window_corner(region([], width=100, height=90), np.array([80, 70]), 128) == (0, 0)


@given(st.integers(0, 299), st.integers(0, 199))
def test_the_click_is_always_inside(x: int, y: int) -> None:
    left, top = window_corner(region([]), np.array([x, y]), 128)
    assert 0 <= left <= x < left + 128 <= 300
    assert 0 <= top <= y < top + 128 <= 200


def places(plane: np.ndarray) -> list[tuple[int, int]]:
    """The pixels that are set, as x and y."""
    return [(int(x), int(y)) for y, x in np.argwhere(plane)]


def test_guiding_maps_have_one_pixel_a_centre() -> None:
    """Figures and hard negatives are other centres; those outside the patch (86..213, 36..163) are not."""
    here = region([(150, 100), (86, 36), (214, 100)], [(213, 163), (150.4, 90.6), (150, 35.4)])
    inclusion, exclusion = guiding_maps(here, 0, (86, 36), 128)
    assert places(inclusion) == [(64, 64)]
    assert places(exclusion) == [(0, 0), (64, 55), (127, 127)]
    assert inclusion.sum() + exclusion.sum() == 4


def test_each_figure_has_its_own_maps() -> None:
    here = region([(10, 20), (30, 40)])
    inclusion, exclusion = guiding_maps(here, 1, (0, 0), 128)
    assert (places(inclusion), places(exclusion)) == ([(30, 40)], [(10, 20)])


def test_a_centre_in_the_same_pixel_excludes_nothing() -> None:
    inclusion, exclusion = guiding_maps(region([(10, 20)], [(10.3, 19.8)]), 0, (0, 0), 128)
    assert (places(inclusion), places(exclusion)) == ([(10, 20)], [])

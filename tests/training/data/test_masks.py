"""Disks around figures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.masks import disk_mask, padded

NOWHERE = np.empty((0, 2))


@pytest.mark.parametrize(("radius_px", "count"), [(0, 1), (1, 5), (2, 13), (5, 81), (12, 441), (20, 1257)])
def test_a_disk_has_as_many_pixels_as_gauss_counted(radius_px: float, count: int) -> None:
    """Gauss's circle problem: the points of a grid within a radius."""
    assert disk_mask(np.array([[50.0, 40.0]]), 0, 0, 100, 80, radius_px).sum() == count


def test_a_disk_has_its_middle() -> None:
    mask = disk_mask(np.array([[50.0, 40.0]]), 0, 0, 100, 80, 12.0)
    assert mask.shape == (80, 100)
    rows, columns = np.nonzero(mask)
    assert (columns.mean(), rows.mean()) == (50, 40)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (38, 62, 28, 52)


def test_disks_that_overlap_count_once() -> None:
    mask = disk_mask(np.array([[10.0, 10.0], [12.0, 10.0]]), 0, 0, 24, 24, 4.0)
    assert mask.max() == 1


def test_no_point_no_mask() -> None:
    assert not disk_mask(NOWHERE, 0, 0, 8, 8, 4.0).any()
    assert not padded(lambda *window: disk_mask(NOWHERE, *window, 4.0), (8, 8), -4, -4, 16, 16).any()


@given(
    st.lists(st.tuples(st.integers(-10, 90), st.integers(-10, 70)).map(lambda halves: (halves[0] / 2, halves[1] / 2))),
    st.integers(0, 30),
    st.integers(0, 20),
    st.integers(1, 12),
    st.integers(1, 12),
)
def test_a_window_is_part_of_the_whole(
    points: list[tuple[float, float]], x: int, y: int, width: int, height: int
) -> None:
    """Also where the point is outside the window and its disk reaches in."""
    centres = np.array(points).reshape(-1, 2)
    whole = disk_mask(centres, 0, 0, 60, 60, 6.0)
    np.testing.assert_array_equal(disk_mask(centres, x, y, width, height, 6.0), whole[y : y + height, x : x + width])


@given(
    st.lists(st.tuples(st.floats(0, 19), st.floats(0, 14)), max_size=3),
    st.tuples(*[st.integers(0, 40)] * 4),
)
def test_beyond_the_border_it_is_reflected_as_the_pixels_are(
    points: list[tuple[float, float]], margins: tuple[int, int, int, int]
) -> None:
    centres = np.array(points).reshape(-1, 2)
    left, right, top, bottom = margins
    size, window = (20, 15), (-left, -top, left + 20 + right, top + 15 + bottom)
    mask = padded(lambda *part: disk_mask(centres, *part, 3.0), size, *window)
    whole = disk_mask(centres, 0, 0, 20, 15, 3.0)
    np.testing.assert_array_equal(mask, np.pad(whole, ((top, bottom), (left, right)), mode="reflect"))

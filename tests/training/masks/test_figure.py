"""Windows of masks, and masks at other resolutions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.masks.figure import FigureMask, at_scale, paint


def blob(x: int, y: int, seed: int = 0, size: tuple[int, int] = (7, 5)) -> FigureMask:
    mask = np.random.default_rng(seed).random(size) < 0.6
    mask[0], mask[:, 0] = True, True
    return FigureMask(x, y, mask, "threshold")


@given(st.integers(-10, 45), st.integers(-10, 35), st.integers(1, 20), st.integers(1, 20))
def test_a_window_is_part_of_the_whole(x: int, y: int, width: int, height: int) -> None:
    masks = [blob(3, 4), blob(6, 6, seed=1), blob(30, 20, seed=2)]
    whole = np.zeros((70, 80), np.uint8)
    for mask in masks:
        rows, columns = mask.mask.shape
        whole[mask.y + 15 : mask.y + 15 + rows, mask.x + 15 : mask.x + 15 + columns] |= mask.mask
    expected = whole[y + 15 : y + 15 + height, x + 15 : x + 15 + width]
    window = paint(masks, x, y, width, height)
    assert window.dtype == np.uint8
    np.testing.assert_array_equal(window, expected)


def test_trimmed_is_the_same_figure() -> None:
    mask = np.zeros((9, 12), bool)
    mask[2:5, 3:9] = True
    found = FigureMask(100, 200, mask, "nuclick").trimmed()
    assert (found.x, found.y, found.mask.shape, found.way, found.area_px) == (103, 202, (3, 6), "nuclick", 18)


def point(*place: float) -> np.ndarray:
    return np.array(place)


def test_the_same_resolution_changes_nothing() -> None:
    mask = blob(3, 4)
    assert at_scale(mask, point(5, 6), 1.0, point(5, 6)) is mask


def test_pixels_twice_as_long() -> None:
    """Each is set that the figure covers by half: 2 of 4, not 1 of 4. Columns 11 to 15 are pixels 5 (half) to 7."""
    mask = np.ones((2, 5), bool)
    mask[0, 4] = False
    found = at_scale(FigureMask(11, 8, mask, "disk"), point(12.5, 8.5), 2.0, point(6, 4))
    assert (found.x, found.y, found.way) == (5, 4, "disk")
    np.testing.assert_array_equal(found.mask, [[True, True, True]])
    mask[0, 3] = mask[1, 4] = False
    found = at_scale(FigureMask(11, 8, mask, "disk"), point(12.5, 8.5), 2.0, point(6, 4))
    np.testing.assert_array_equal(found.mask, [[True, True]])


def test_pixels_half_as_long() -> None:
    mask = blob(3, 4)
    found = at_scale(mask, point(5, 6), 0.5, point(10.5, 12.5))
    assert (found.x, found.y) == (6, 8)
    np.testing.assert_array_equal(found.mask, mask.mask.repeat(2, 0).repeat(2, 1))


@pytest.mark.parametrize("scale", [0.4, 0.97, 1.6, 2.0, 3.3])
def test_a_disk_stays_a_disk_about_its_centre(scale: float) -> None:
    centre = point(60.3, 41.8)
    rows, columns = np.ogrid[:100, :120]
    disk = (columns - centre[0]) ** 2 + (rows - centre[1]) ** 2 <= 20**2
    moved = (centre + 0.5) / scale - 0.5
    found = at_scale(FigureMask(0, 0, disk, "disk").trimmed(), centre, scale, moved)
    rows, columns = np.nonzero(found.mask)
    assert found.area_px * scale**2 == pytest.approx(disk.sum(), rel=0.03)
    assert (found.x + columns.mean(), found.y + rows.mean()) == pytest.approx(tuple(moved), abs=0.15 / min(scale, 1))


def test_a_figure_never_vanishes() -> None:
    """One pixel of 1/36 of the new ones."""
    found = at_scale(FigureMask(20, 31, np.ones((1, 1), bool), "disk"), point(20, 31), 6.0, point(2.9, 4.75))
    assert (found.x, found.y, found.mask.tolist()) == (3, 5, [[True]])

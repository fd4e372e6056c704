"""Drawn masks cleaned, and when a disk takes their place."""

import numpy as np
import pytest

from tests.arrays import plain
from training.data.regions import Region, in_memory
from training.masks.figure import FigureMask, Way
from training.masks.settings import MaskSettings
from training.masks.shapes import disk, parts_at, settled, without_specks_and_holes

POINT = np.array([32.0, 30.0])


def region(spacing_um: float = 0.25, width: int = 64, height: int = 60) -> Region:
    return in_memory("a", "a", "a", plain(width, height), spacing_um, POINT[None])


def cleaned(mask: np.ndarray, um_px: float, **changes: float) -> np.ndarray:
    return without_specks_and_holes(mask, um_px, MaskSettings(**changes))


def box(*corners: int, size: tuple[int, int] = (60, 64)) -> np.ndarray:
    """(rows, columns) with left, top, right, bottom filled, ends not counted."""
    mask = np.zeros(size, bool)
    left, top, right, bottom = corners
    mask[top:bottom, left:right] = True
    return mask


@pytest.mark.parametrize(("width", "kept"), [(9, False), (10, True)])
def test_specks_below_ten_pixels_go(width: int, kept: bool) -> None:
    mask = box(5, 5, 5 + width, 6)
    assert cleaned(mask, 0.25).any() == kept


@pytest.mark.parametrize(("width", "filled"), [(29, True), (30, False)])
def test_holes_below_thirty_pixels_are_filled(width: int, filled: bool) -> None:
    mask = box(5, 5, 45, 15) & ~box(8, 9, 8 + width, 10)
    assert cleaned(mask, 0.25)[9, 8] == filled


def test_specks_go_before_holes_are_filled() -> None:
    """A grain in a hole of 30 px, 29 without it, makes it no smaller."""
    mask = box(5, 5, 45, 15) & ~box(8, 7, 14, 12)
    mask[9, 10] = True
    assert not cleaned(mask, 0.25)[7:12, 8:14].any()


def test_sizes_are_areas_of_tissue() -> None:
    """At 0.5 um/px 10 px are 3 px (2.5) and 30 px 8 px (7.5)."""
    assert not cleaned(box(5, 5, 7, 6), 0.5).any()
    assert cleaned(box(5, 5, 8, 6), 0.5).any()
    mask = box(5, 5, 45, 15)
    assert cleaned(mask & ~box(8, 9, 15, 10), 0.5)[9, 8]
    assert not cleaned(mask & ~box(8, 9, 16, 10), 0.5)[9, 8]


def test_corners_do_not_join() -> None:
    mask = box(5, 5, 10, 10) | box(10, 10, 15, 15)
    np.testing.assert_array_equal(parts_at(mask, 7, 7), box(5, 5, 10, 10))


def test_the_part_at_the_click_is_kept() -> None:
    first, second = box(5, 5, 15, 15), box(20, 5, 30, 15)
    np.testing.assert_array_equal(parts_at(first | second, 10, 22), second)
    assert not parts_at(first | second, 10, 17).any()


def test_a_click_may_reach() -> None:
    first, second = box(5, 5, 15, 15), box(20, 5, 30, 15)
    np.testing.assert_array_equal(parts_at(first | second, 10, 17, 3.0), first | second)
    np.testing.assert_array_equal(parts_at(first | second, 10, 16, 2.0), first)
    np.testing.assert_array_equal(parts_at(first | second, 10, 17, 2.9), first * 0)


def settle(mask: np.ndarray, where: Region, way: Way = "threshold", **changes: float) -> FigureMask:
    return settled(where, POINT, mask, (0, 0), way, MaskSettings(**{"reach_um": 0.0, **changes}))


@pytest.mark.parametrize(
    ("mask", "way"),
    [
        (box(0, 0, 0, 0), "disk"),
        (box(20, 30, 49, 31), "disk"),  # 29 px
        (box(20, 30, 50, 31), "threshold"),  # 30 px
        (box(7, 5, 57, 55), "threshold"),  # 2,500 px
        (box(7, 5, 57, 55) | box(57, 30, 58, 31), "disk"),  # 2,501 px
        (box(5, 5, 30, 25), "disk"),  # without the click
    ],
)
def test_what_cannot_be_a_figure_becomes_a_disk(mask: np.ndarray, way: str) -> None:
    found = settle(mask, region())
    assert found.way == way
    if way == "disk":
        assert (found.x, found.y, found.mask.shape, found.area_px) == (20, 18, (25, 25), 441)
    else:
        np.testing.assert_array_equal(whole(found), mask)


def test_a_mask_lies_where_its_window_was() -> None:
    """A window at (10, 20) of the region: the click is at (22, 10) of it."""
    found = settled(region(), POINT, box(20, 5, 30, 15, size=(32, 32)), (10, 20), "nuclick", MaskSettings())
    assert (found.x, found.y, found.mask.shape, found.way) == (30, 25, (10, 10), "nuclick")
    assert found.mask.all()


def test_at_another_resolution_areas_stay_the_same() -> None:
    """At 0.5 um/px: at least 8 px, at most 625, and a disk of 6 px."""
    assert settle(box(30, 30, 37, 31), region(0.5)).area_px == 113
    assert settle(box(30, 30, 38, 31), region(0.5)).way == "threshold"
    assert settle(box(20, 20, 45, 45), region(0.5)).way == "threshold"
    assert settle(box(20, 20, 45, 45) | box(45, 30, 46, 31), region(0.5)).way == "disk"


def test_every_size_is_a_setting() -> None:
    """In px of 1/16 um2: parts and holes are measured against others, as are masks, and a disk is another."""
    speck, holed = box(5, 5, 14, 6), box(5, 5, 45, 15) & ~box(8, 9, 37, 10)
    assert not cleaned(speck, 0.25).any()
    assert cleaned(speck, 0.25, smallest_part_um2=9 / 16).any()
    assert cleaned(holed, 0.25)[9, 8]
    assert not cleaned(holed, 0.25, smallest_hole_um2=29 / 16)[9, 8]
    small, large = box(20, 30, 40, 31), box(5, 5, 58, 55)
    assert settle(small, region()).way == settle(large, region()).way == "disk"
    assert settle(small, region(), smallest_mask_um2=20 / 16).way == "threshold"
    assert settle(large, region(), largest_mask_um2=2650 / 16).way == "threshold"
    assert settle(box(0, 0, 0, 0), region(), disk_radius_um=1.5).area_px == 113


def test_a_click_reaches_what_nuclick_did_not_segment_never() -> None:
    aside = box(34, 25, 44, 35)
    assert settle(aside, region(), reach_um=0.5).way == "threshold"
    assert settle(aside, region(), reach_um=0.25).way == "disk"
    assert settle(aside, region(), "nuclick", reach_um=0.5).way == "disk"


def test_a_disk_ends_at_the_border() -> None:
    found = disk(region(), np.array([2.0, 58.0]), 3.0)
    assert (found.x, found.y, found.mask.shape) == (0, 46, (14, 15))
    assert found.mask[12, 2]


def test_a_centre_outside_has_at_least_its_nearest_pixel() -> None:
    found = disk(region(), np.array([90.0, 30.0]), 3.0)
    assert (found.x, found.y, found.area_px) == (63, 30, 1)


def whole(figure: FigureMask, size: tuple[int, int] = (60, 64)) -> np.ndarray:
    canvas = np.zeros(size, bool)
    rows, columns = figure.mask.shape
    canvas[figure.y : figure.y + rows, figure.x : figure.x + columns] = figure.mask
    return canvas

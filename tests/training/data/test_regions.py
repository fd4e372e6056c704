"""Regions at another resolution and beyond their border."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.arrays import paint_ellipse, plain
from training.data import regions
from training.data.regions import RegionImage, at_resolution, in_memory, read_padded, reflected


def dots(spacing_um: float, points: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """White with dark dots of 2 um; the points in px."""
    pixels = plain(160, 120, (255, 255, 255))
    for x, y in points:
        paint_ellipse(pixels, x, y, 2 / spacing_um, 2 / spacing_um)
    return pixels, np.array(points)


@pytest.mark.parametrize("spacing_um", [0.17, 0.3, 0.5])
def test_figures_stay_on_their_dots(spacing_um: float) -> None:
    pixels, points = dots(spacing_um, [(40.0, 30.0), (110.0, 80.0)])
    region = at_resolution(in_memory("a", "a", "a", pixels, spacing_um, points), 0.25)
    assert region.spacing_um == 0.25
    assert region.width == pytest.approx(160 * spacing_um / 0.25, abs=1)
    assert len(region.figures) == 2
    for x, y in region.figures:
        left, top = round(x) - 20, round(y) - 20
        darkness = 255.0 - region.read(left, top, 41, 41)[..., 0]
        rows, columns = np.mgrid[:41, :41]
        centre = np.array([(columns * darkness).sum(), (rows * darkness).sum()]) / darkness.sum()
        np.testing.assert_allclose(centre, (x - left, y - top), atol=0.1)


@pytest.mark.parametrize("spacing_um", [0.25, 0.2501, 0.252])
def test_a_region_of_that_resolution_is_left_alone(spacing_um: float) -> None:
    pixels, points = dots(spacing_um, [(40.0, 30.0)])
    region = in_memory("a", "a", "a", pixels, spacing_um, points)
    same = at_resolution(region, 0.25)
    assert (same.width, same.height, same.spacing_um) == (160, 120, spacing_um)
    np.testing.assert_array_equal(same.figures, points)
    np.testing.assert_array_equal(same.read(5, 7, 100, 50), pixels[7:57, 5:105])


def test_a_large_region_is_read_window_by_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same pixels as a small one, which is kept in memory."""
    pixels, points = dots(0.4, [(40.0, 30.0), (110.0, 80.0)])
    windows: list[tuple[int, int, int, int]] = []

    def read(x: int, y: int, width: int, height: int) -> np.ndarray:
        windows.append((x, y, width, height))
        return pixels[y : y + height, x : x + width]

    region = replace(in_memory("a", "a", "a", pixels, 0.4, points), read=read)
    small = at_resolution(region, 0.25)
    taken = len(windows)
    kept = small.read(100, 60, 80, 70)
    assert len(windows) == taken > 0
    monkeypatch.setattr(regions, "KEPT_PIXELS", 1000)
    large = at_resolution(region, 0.25)
    assert len(windows) == taken
    np.testing.assert_array_equal(large.read(100, 60, 80, 70), kept)
    assert len(windows) > taken


def test_the_algorithm_sees_a_region_as_an_image() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    image = RegionImage(in_memory("a", "a", "a", pixels, 0.25, np.empty((0, 2))))
    assert (image.width, image.height, image.spacing_um) == (50, 40, (0.25, 0.25))
    np.testing.assert_array_equal(image.read(3, 5, 20, 10), pixels[5:15, 3:23])


@given(
    width=st.integers(1, 12),
    height=st.integers(1, 12),
    margins=st.tuples(*[st.integers(0, 30)] * 4),
)
def test_beyond_the_border_the_region_is_reflected(width: int, height: int, margins: tuple[int, int, int, int]) -> None:
    """As numpy's pad does it, however far."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    region = in_memory("a", "a", "a", pixels, 0.25, np.empty((0, 2)))
    left, right, top, bottom = margins
    window = read_padded(region, -left, -top, left + width + right, top + height + bottom)
    np.testing.assert_array_equal(window, np.pad(pixels, ((top, bottom), (left, right), (0, 0)), mode="reflect"))


@given(start=st.integers(-40, 40), length=st.integers(1, 20), size=st.integers(1, 9))
def test_a_window_anywhere_is_part_of_the_reflected_whole(start: int, length: int, size: int) -> None:
    whole = np.pad(np.arange(size), 80, mode="reflect")
    np.testing.assert_array_equal(reflected(start, length, size), whole[80 + start : 80 + start + length])


def test_a_window_inside_is_the_regions_own() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    region = in_memory("a", "a", "a", pixels, 0.25, np.empty((0, 2)))
    np.testing.assert_array_equal(read_padded(region, 10, 20, 30, 15), pixels[20:35, 10:40])

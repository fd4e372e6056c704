"""overlay.png shows the region and the circles, in a bounded size and with bounded windows."""

import dataclasses

import numpy as np
import pytest

from algorithm.detections import Detections
from algorithm.writers import overlay
from algorithm.writers.appearance import ATYPICAL_COLOUR, COLOURS
from tests.algorithm.writers.watched_image import WatchedImage

PINK = (230, 180, 205)


def region(width: int, height: int) -> WatchedImage:
    return WatchedImage(np.full((height, width, 3), PINK, dtype=np.uint8))


def colour_centre(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Mean place (x, y) of the pixels of a colour."""
    return np.argwhere((picture == colour).all(axis=2)).mean(axis=0)[::-1]


def test_circles_lie_around_the_detections(detections: Detections) -> None:
    image = region(1000, 200)
    picture = np.asarray(overlay.draw_overlay(image, detections, 0.5, 0.5))
    assert picture.shape == (200 + overlay.CAPTION_PX, 1000, 3)
    for name, place in zip(("non-mitotic figure", "mitotic figure"), detections.points, strict=True):
        np.testing.assert_allclose(colour_centre(picture[:200], COLOURS[name]), place, atol=0.5)
    assert tuple(picture[150, 300]) == PINK


def test_atypical_figures_have_their_own_colour(detections: Detections) -> None:
    typed = dataclasses.replace(detections, atypical=np.array([np.nan, 0.8]), called_atypical=np.array([False, True]))
    picture = np.asarray(overlay.draw_overlay(region(1000, 200), typed, 0.5, 0.5))
    np.testing.assert_allclose(colour_centre(picture[:200], ATYPICAL_COLOUR), typed.points[1], atol=0.5)
    assert not (picture[:200] == COLOURS["mitotic figure"]).all(axis=2).any()
    assert (picture[200:] == ATYPICAL_COLOUR).all(axis=2).any()
    plain = np.asarray(overlay.draw_overlay(region(1000, 200), detections, 0.5, 0.5))
    assert not (plain == ATYPICAL_COLOUR).all(axis=2).any()


def test_the_caption_lies_below_the_region(detections: Detections) -> None:
    caption = np.asarray(overlay.draw_overlay(region(1000, 200), detections, 0.5, 0.5))[200:]
    assert (caption == 255).all(axis=2).mean() > 0.5
    assert (caption < 40).all(axis=2).any()


def test_a_large_region_is_reduced_and_read_in_bounded_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay, "MAX_SIDE_PX", 400)
    monkeypatch.setattr(overlay, "STRIP_BYTES", 3 * 2000 * 100)
    image = region(2000, 1000)
    image.pixels[500:520, 1000:1020] = 0
    figure = Detections(np.array([[1009.5, 509.5]]), np.array([0.9]), np.array([[0.9]]))
    picture = np.asarray(overlay.draw_overlay(image, figure, 0.5, 0.5))
    assert picture.shape == (200 + overlay.CAPTION_PX, overlay.NARROWEST_PX, 3)
    np.testing.assert_allclose(colour_centre(picture[:200], COLOURS["mitotic figure"]), (201.5, 101.5), atol=0.5)
    assert image.largest_read <= 2000 * (100 + 2 * 16)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (5000, 1), (1, 5000), (13, 37)])
def test_odd_shapes_are_drawn(width: int, height: int) -> None:
    picture = overlay.draw_overlay(region(width, height), Detections.empty(1), 0.5, 0.0)
    assert picture.height <= overlay.MAX_SIDE_PX + overlay.CAPTION_PX

"""Crops about nuclei: their classes by distance, which are left out, and what they show."""

from dataclasses import replace

import numpy as np
import pytest

from algorithm.errors import InputError
from tests.training.drawing import drawn_region
from training.data.crops import crops_of, labelled

FIGURES = np.array([[100.0, 100.0]])


@pytest.mark.parametrize(
    "dx, dy, expected",
    [
        (0, 0, [1]),
        (30, 0, [1]),
        (18, 24, [1]),  # 30 px away
        (22, 22, []),  # 31 px away, in the crop
        (40, 40, []),
        (41, 0, [0]),
        (0, -41, [0]),
    ],
)
def test_a_nucleus_is_a_figures_within_30_px_and_left_out_in_the_rest_of_the_crop(
    dx: float, dy: float, expected: list[int]
) -> None:
    points, classes = labelled(FIGURES + np.array([dx, dy]), FIGURES, 80, 30.0)
    assert classes.tolist() == expected
    assert len(points) == len(expected)


def test_a_region_without_figures_has_other_nuclei_alone() -> None:
    points, classes = labelled(FIGURES, np.empty((0, 2)), 80, 30.0)
    assert classes.tolist() == [0]
    assert points is FIGURES
    assert len(labelled(np.empty((0, 2)), FIGURES, 80, 30.0)[0]) == 0


def test_every_figure_has_a_crop_about_it() -> None:
    """The drawn figures lie at (20, 24) and (70, 52); one nucleus is the first one's, one nobody's, one left out."""
    regions = [drawn_region("a"), drawn_region("b", seed=1)]
    nuclei = {"a": np.array([[22.0, 24.0], [20.0, 70.0]]), "b": np.array([[50.0, 52.0]])}
    steps: list[int] = []
    found = crops_of(regions, lambda region: nuclei[region.name], 48, 2.5, lambda: steps.append(1))
    assert found.region.tolist() == [0, 0, 0, 0, 1, 1]
    assert found.classes.tolist() == [1, 1, 1, 0, 1, 1]
    assert found.points.tolist() == [[20, 24], [70, 52], [22, 24], [20, 70], [20, 24], [70, 52]]
    assert len(steps) == 2


def test_reach_is_in_um() -> None:
    coarse = replace(drawn_region("a"), spacing_um=0.5)
    nuclei = np.array([[36.0, 24.0], [90.0, 10.0]])
    classes = [crops_of([region], lambda _: nuclei, 16).classes for region in (drawn_region("a"), coarse)]
    assert [of_region.tolist() for of_region in classes] == [[1, 1, 1, 0], [1, 1, 0, 0]]


def test_a_crop_is_the_square_about_its_place_reflected_at_the_border() -> None:
    region = drawn_region("a")
    crops = crops_of([region], lambda _: np.array([[1.0, 2.0], [50.2, 40.0]]), 16, 2.5)
    whole = region.read(0, 0, region.width, region.height)
    np.testing.assert_array_equal(crops.pixels(3, 16), whole[33:49, 43:59])
    np.testing.assert_array_equal(crops.pixels(2, 16)[5:, 6:], whole[:11, :10])
    np.testing.assert_array_equal(crops.pixels(2, 16)[5:, 5], whole[:11, 1])


def test_look_alikes_are_known_by_their_places() -> None:
    """A nucleus of the other region at the same place is none, nor is a look-alike so near a figure that it is it."""
    look_alikes = np.array([[50.0, 12.0], [72.0, 52.0]])
    regions = [replace(drawn_region("a"), hard_negatives=look_alikes), drawn_region("b")]
    found = crops_of(regions, lambda region: np.concatenate((look_alikes[:1], region.hard_negatives)), 16, 2.5)
    assert found.classes.tolist() == [1, 1, 0, 0, 1, 1, 1, 0]
    assert found.of_look_alikes().tolist() == [2, 3]


def test_some_are_taken() -> None:
    crops = crops_of([drawn_region("a")], lambda _: np.array([[20.0, 70.0]]), 16)
    taken = crops.taken(np.array([2, 0]))
    assert taken.points.tolist() == [[20, 70], [20, 24]]
    assert taken.classes.tolist() == [0, 1]
    assert len(taken) == 2


def test_one_class_alone_is_refused() -> None:
    free = replace(drawn_region("a"), figures=np.empty((0, 2)))
    with pytest.raises(InputError, match="lacks mitotic figures or other nuclei"):
        crops_of([free], lambda _: np.array([[20.0, 70.0]]), 16)

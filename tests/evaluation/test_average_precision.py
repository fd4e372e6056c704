"""Average precision in cases that can be worked out by hand; the official figures are in test_golden.py."""

import numpy as np
import pytest

from evaluation.average_precision import average_precision
from evaluation.cases import DetectionCase
from tests.evaluation.lines import case


def test_perfect_detection() -> None:
    assert average_precision([case((0.1, 0.2), ((0.1, 0.9), (0.2, 0.8)))]) == 1


def test_a_false_positive_ranked_first_halves_the_precision() -> None:
    found = average_precision([case((0.1,), ((0.3, 0.95), (0.1, 0.9)))])
    assert found == pytest.approx(0.5, abs=1e-7)


def test_a_false_positive_ranked_last_costs_nothing() -> None:
    assert average_precision([case((0.1,), ((0.1, 0.95), (0.3, 0.9)))]) == 1


def test_half_of_the_figures() -> None:
    """Precision is 1 at the recalls 0, 0.01 ... 0.50, which are 51 of 101."""
    found = average_precision([case((0.1, 0.2), ((0.1, 0.9),))])
    assert found == pytest.approx(51 / 101, abs=1e-7)


def test_nothing_to_find_is_undefined() -> None:
    assert average_precision([case((), ((0.1, 0.9),))]) is None
    assert average_precision([case()]) is None
    assert average_precision([]) is None


def test_nothing_found_is_zero() -> None:
    assert average_precision([case((0.1,))]) == 0


def test_points_of_either_name_count() -> None:
    assert average_precision([case((0.1,), ((0.1, 0.2),), named=(False,))]) == 1


def test_cases_are_pooled() -> None:
    """One image alone is perfect, the other has the best ranked false positive of both."""
    cases = [case((0.1,), ((0.1, 0.5),)), case((), ((0.1, 0.9),), name="b.tiff")]
    assert average_precision(cases) == pytest.approx(0.5, abs=1e-7)


def test_places_of_different_images_are_not_confused() -> None:
    cases = [case((0.1,), ()), case((), ((0.1, 0.9),), name="b.tiff")]
    assert average_precision(cases) == 0


def test_equal_scores_are_ranked_in_the_order_of_the_points() -> None:
    assert average_precision([case((0.1,), ((0.1, 0.5), (0.3, 0.5)))]) == 1
    assert average_precision([case((0.1,), ((0.3, 0.5), (0.1, 0.5)))]) == pytest.approx(0.5, abs=1e-7)


@pytest.mark.parametrize(("shift_mm", "expected"), [(0.0074, 1), (0.0076, 0)])
def test_the_squares_overlap_up_to_a_shift_of_one_radius(shift_mm: float, expected: float) -> None:
    assert average_precision([case((0.1,), ((0.1 + shift_mm, 0.9),))]) == expected


def test_a_diagonal_shift_counts_less_far() -> None:
    """IoU 0.5 is reached 4.13 um off on both axes, 5.84 um away, well within the radius of F1."""
    for shift_mm, expected in ((0.0041, 1), (0.0042, 0)):
        points = np.array([[0.1 + shift_mm, 0.1 + shift_mm]])
        found = DetectionCase(
            "a.tiff", "0", None, np.array([[0.1, 0.1]]), points, np.array([0.9]), np.array([True], dtype=np.bool_)
        )
        assert average_precision([found]) == expected


@pytest.mark.parametrize(
    ("figure_mm", "official"),
    [(0.01, 1), (0.0125, 0), (0.015, 0), (0.02, 1), (0.025, 0), (0.0275, 1), (0.03, 1)],
)
def test_corners_are_rounded_to_float32_as_officially(figure_mm: float, official: float) -> None:
    """7.5 um apart; torchmetrics' figures. Without the rounding all but that of 0.02 would be the other way round."""
    point = np.array([[figure_mm + 0.0075, 0.1]])
    yes = np.array([True], dtype=np.bool_)
    found = DetectionCase("a.tiff", "0", None, np.array([[figure_mm, 0.1]]), point, np.array([0.9]), yes)
    assert average_precision([found]) == official


def test_scores_are_rounded_to_float32_as_officially() -> None:
    """The figure's point is ahead by less than float32 can tell, so that the points' order decides."""
    assert average_precision([case((0.1,), ((0.3, 0.5), (0.1, 0.5 + 1e-12)))]) == pytest.approx(0.5, abs=1e-7)


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    average_precision([case((0.1,), ((0.1, 0.9),))])
    assert capfd.readouterr() == ("", "")

"""Matching against worked cases of the official evaluation, and against the search for the best pairing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from evaluation.matching import RADIUS_MM, Counts, match


def at(*xs: float) -> NDArray[np.float64]:
    """Points on a line, mm."""
    return np.array([(x, 0.0) for x in xs]).reshape(-1, 2)


def test_the_radius_is_that_of_the_challenge() -> None:
    assert RADIUS_MM == 0.0075


def test_the_order_of_the_figures_decides() -> None:
    """The first figure takes its nearest detection, though the second figure has no other."""
    assert match(at(0, 0.004), at(0.003, -0.005)) == Counts(1, 1, 1)
    assert match(at(0.004, 0), at(0.003, -0.005)) == Counts(2, 0, 0)


def test_the_order_of_the_detections_does_not() -> None:
    assert match(at(0, 0.004), at(-0.005, 0.003)) == Counts(1, 1, 1)
    assert match(at(0.004, 0), at(-0.005, 0.003)) == Counts(2, 0, 0)


@pytest.mark.parametrize("distance_mm", [0.0, 0.0074, 0.0075])
def test_the_radius_is_inclusive(distance_mm: float) -> None:
    assert match(at(0), at(distance_mm)) == Counts(1, 0, 0)


@pytest.mark.parametrize("distance_mm", [0.00751, 0.02])
def test_beyond_the_radius_nothing_matches(distance_mm: float) -> None:
    assert match(at(0), at(distance_mm)) == Counts(0, 1, 1)


def test_the_distance_is_euclidean() -> None:
    diagonal = np.array([[0.0055, 0.0055]])  # 0.00778 mm
    assert match(np.zeros((1, 2)), diagonal) == Counts(0, 1, 1)
    assert match(np.zeros((1, 2)), np.array([[0.0045, 0.006]])) == Counts(1, 0, 0)  # 0.0075 mm


def test_another_radius_is_used() -> None:
    assert match(at(0), at(0.01), radius_mm=0.01) == Counts(1, 0, 0)


def test_a_detection_serves_one_figure() -> None:
    assert match(at(0, 0.001), at(0.0005)) == Counts(1, 0, 1)
    assert match(at(0.0005), at(0, 0.001)) == Counts(1, 1, 0)


def test_empty_sides() -> None:
    assert match(at(), at()) == Counts(0, 0, 0)
    assert match(at(), at(0, 1)) == Counts(0, 2, 0)
    assert match(at(0, 1, 2), at()) == Counts(0, 0, 3)


def test_smoothing_is_that_of_the_challenge() -> None:
    counts = Counts(3, 1, 2)
    assert counts.precision == pytest.approx(3 / (4 + 1e-6), abs=1e-15)
    assert counts.recall == pytest.approx(3 / (5 + 1e-6), abs=1e-15)
    assert counts.f1 == pytest.approx((6 + 1e-6) / (9 + 1e-6), abs=1e-15)


def test_nothing_to_find_and_nothing_found() -> None:
    """The challenge's own oddity: F1 is 1 where precision and recall are 0."""
    assert (Counts().precision, Counts().recall, Counts().f1) == (0, 0, 1)


def test_a_miss_and_a_false_alarm_score_nothing() -> None:
    assert Counts(0, 0, 1).f1 == pytest.approx(1e-6)
    assert Counts(0, 1, 0).f1 == pytest.approx(1e-6)


def test_counts_of_regions_add_up() -> None:
    assert sum([Counts(1, 2, 3), Counts(10, 20, 30)], Counts()) == Counts(11, 22, 33)


points = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=12).map(
    lambda cells: np.array(cells, float).reshape(-1, 2) * 0.001
)


@given(points, points)
def test_counts_are_consistent_and_within_the_best_pairing(
    truth: NDArray[np.float64], predictions: NDArray[np.float64]
) -> None:
    found = match(truth, predictions)
    assert found.true_positives + found.false_negatives == len(truth)
    assert found.true_positives + found.false_positives == len(predictions)
    near = cdist(truth, predictions) <= RADIUS_MM + 1e-12
    best = int(near[linear_sum_assignment(near, maximize=True)].sum()) if near.size else 0
    assert best / 2 <= found.true_positives <= best  # a greedy matching is maximal, so at least half of the maximum

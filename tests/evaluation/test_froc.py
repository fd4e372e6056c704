"""The free-response curve in cases that can be worked out by hand; the official figures are in test_golden.py."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation import froc
from evaluation.cases import DetectionCase
from evaluation.froc import curve, steps
from evaluation.matching import match
from tests.evaluation.lines import case


def area(*cases: DetectionCase) -> float:
    found = curve([steps(each) for each in cases])
    assert found is not None
    return found.area


def test_a_false_positive_ranked_first_scores_nothing() -> None:
    """Both thresholds that differ have one false positive an image; the one without the figure is sorted last."""
    assert area(case((0.1,), ((0.3, 0.95), (0.1, 0.90)))) == 0


def test_perfect_detection() -> None:
    assert area(case((0.1,), ((0.1, 0.9),))) == pytest.approx(8 / (1 + 1e-6), abs=1e-9)
    assert f"{area(case((0.1,), ((0.1, 0.9),))):.5f}" == "7.99999"


def test_perfect_detection_at_unlike_probabilities_is_not_perfect() -> None:
    """Without a false positive all thresholds tie, and the strictest, which finds one of two, is sorted last."""
    assert area(case((0.1, 0.2), ((0.1, 0.9), (0.2, 0.8)))) == pytest.approx(4, abs=1e-5)


def test_missed_figures_lower_the_curve() -> None:
    assert area(case((0.1, 0.5), ((0.1, 0.9),))) == pytest.approx(4, abs=1e-5)


def test_sensitivity_is_zero_left_of_the_fewest_false_positives() -> None:
    """One threshold, with two false positives an image: 0 below 2, and 1 from there on."""
    readings = np.linspace(0, 8, 50)
    expected = np.trapezoid(np.where(readings >= 2, 1, 0), readings)
    found = area(case((0.1,), ((0.1, 0.5), (0.3, 0.5), (0.4, 0.5))))
    assert found == pytest.approx(expected, abs=1e-5)
    assert 5.9 < found < 6.1


def test_more_than_eight_false_positives_score_nothing() -> None:
    points = [(0.1, 0.5)] + [(0.2 + 0.1 * k, 0.5) for k in range(9)]
    assert area(case((0.1,), points)) == 0


def test_false_positives_are_a_mean_per_image() -> None:
    many = curve([steps(case((0.1,), ((0.1, 0.9), (0.3, 0.9)))), steps(case()), steps(case()), steps(case())])
    assert many is not None
    np.testing.assert_allclose(many.false_positives, [0.25])
    np.testing.assert_allclose(many.sensitivity, [1], atol=1e-5)
    np.testing.assert_allclose(many.thresholds, [0.9])


def test_points_of_either_name_count() -> None:
    assert area(case((0.1,), ((0.1, 0.2),), named=(False,))) > 7.9


def test_no_points_are_no_curve() -> None:
    assert curve([]) is None
    assert curve([steps(case((0.1,))), steps(case())]) is None


def test_nothing_to_find_is_zero() -> None:
    assert area(case((), ((0.1, 0.9),))) == 0


def test_the_thresholds_are_forty_from_the_least_to_the_greatest_probability() -> None:
    found = curve([steps(case((0.1,), ((0.1, 0.2), (0.3, 0.4)))), steps(case((), ((0.5, 0.9),)))])
    assert found is not None
    np.testing.assert_array_equal(np.sort(found.thresholds), np.linspace(0.2, 0.9, 40))
    assert (np.diff(found.false_positives) >= 0).all()


def test_thresholds_that_are_the_same_number_are_one() -> None:
    """Between neighbouring floats there is no room for 40."""
    found = curve([steps(case((0.1,), ((0.1, 0.5), (0.3, np.nextafter(0.5, 1)))))])
    assert found is not None
    assert sorted(found.thresholds.tolist()) == [0.5, np.nextafter(0.5, 1)]


def test_a_case_is_matched_no_more_often_than_its_near_points_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counting(*arguments: Any) -> Any:
        calls.append(arguments)
        return match(*arguments)

    far = [(1.0 + 0.1 * k, 0.01 * k) for k in range(50)]
    near = ((0.1, 0.33), (0.2, 0.44), (0.2, 0.55))
    froc.steps(case((0.1, 0.2), [*far, *near]), counting)
    assert len(calls) == 3


points = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 6), st.sampled_from([0.1, 0.2, 0.5, 0.55, 1.0])), max_size=14
)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 6)), max_size=10), points)
def test_steps_are_the_counts_of_the_points_at_each_threshold(
    figures: list[tuple[int, int]], answered: list[tuple[int, int, float]]
) -> None:
    truth = np.array(figures, dtype=np.float64).reshape(-1, 2) * 0.0025
    table = np.array(answered, dtype=np.float64).reshape(-1, 3)
    places, scores = table[:, :2] * 0.0025, table[:, 2]
    found = steps(DetectionCase("a", "0", None, truth, places, scores, scores > 0.5))
    for k, level in enumerate([*found.levels, np.inf]):
        counts = match(truth, places[scores >= level])
        assert counts.true_positives == found.true_positives[k]
        assert counts.false_positives == found.false_positives[k]
    assert found.truths == len(truth)

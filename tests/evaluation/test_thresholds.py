"""Operating points on worked cases, and which of them is the best."""

import numpy as np
import pytest

from evaluation.cases import DetectionCase
from evaluation.froc import steps
from evaluation.matching import Counts, match
from evaluation.thresholds import OperatingPoint, best_point, operating_points, strictest_point, thinned


def case(truth: list[float], points: list[float], scores: list[float]) -> DetectionCase:
    """Figures and points on a line, mm."""
    truth_mm, points_mm = (np.array([(x, 0.0) for x in xs]).reshape(-1, 2) for xs in (truth, points))
    return DetectionCase("a", "1", None, truth_mm, points_mm, np.array(scores, float), np.array(scores, float) >= 0.5)


def test_each_probability_is_a_threshold() -> None:
    images = [steps(case([0, 1], [0, 1, 2], [0.9, 0.3, 0.6])), steps(case([5], [7], [0.3]))]
    assert operating_points(images) == [
        OperatingPoint(0.3, Counts(2, 2, 1)),
        OperatingPoint(0.6, Counts(1, 1, 2)),
        OperatingPoint(0.9, Counts(1, 0, 2)),
    ]


def test_points_are_those_of_matching_what_reaches_them() -> None:
    rng = np.random.default_rng(0)
    cases = [
        case(list(rng.uniform(0, 0.1, 8)), list(rng.uniform(0, 0.1, 20)), list(rng.integers(1, 10, 20) / 10))
        for _ in range(5)
    ]
    for point in operating_points([steps(each) for each in cases]):
        kept = [match(each.truth_mm, each.points_mm[each.scores >= point.threshold]) for each in cases]
        assert point.counts == sum(kept, Counts())


def test_no_detections_no_points() -> None:
    assert operating_points([steps(case([0, 1], [], []))]) == []


def test_the_highest_f1_is_best() -> None:
    points = [
        OperatingPoint(0.2, Counts(3, 3, 0)),
        OperatingPoint(0.4, Counts(3, 1, 0)),
        OperatingPoint(0.6, Counts(1, 0, 2)),
    ]
    assert best_point(points).threshold == 0.4


@pytest.mark.parametrize("thresholds", [(0.1, 0.45, 0.9), (0.9, 0.45, 0.1)])
def test_equal_figures_go_to_the_threshold_nearest_a_half(thresholds: tuple[float, ...]) -> None:
    assert best_point([OperatingPoint(each, Counts(4, 1, 1)) for each in thresholds]).threshold == 0.45


@pytest.mark.parametrize(("cost", "threshold"), [(0.0, 0.4), (0.02, 0.4), (0.06, 0.6), (1.0, 0.8)])
def test_the_strictest_is_the_highest_threshold_that_costs_no_more(cost: float, threshold: float) -> None:
    """F1 is 0.8, 0.941, 0.889 and 0.545, from the lowest threshold up."""
    points = [
        OperatingPoint(0.2, Counts(8, 4, 0)),
        OperatingPoint(0.4, Counts(8, 1, 0)),
        OperatingPoint(0.6, Counts(8, 2, 0)),
        OperatingPoint(0.8, Counts(3, 0, 5)),
    ]
    assert strictest_point(points, cost).threshold == threshold


def test_f1_equal_to_six_digits_is_equal() -> None:
    points = [OperatingPoint(0.9, Counts(4_000_000, 0, 1)), OperatingPoint(0.5, Counts(4_000_000, 1, 1))]
    assert best_point(points).threshold == 0.5


def test_thinning_keeps_both_ends() -> None:
    points = [OperatingPoint(each / 1000, Counts()) for each in range(1000)]
    kept = thinned(points, 11)
    assert (len(kept), kept[0], kept[-1]) == (11, points[0], points[-1])
    assert thinned(points[:11], 11) == points[:11]

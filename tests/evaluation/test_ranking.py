"""The area of a draw is scikit-learn's on the cases that were drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from evaluation.bootstrap import estimate, resamples
from evaluation.ranking import roc_auc_statistic, standing

CASES = 12


@pytest.fixture(params=[1, 12])
def items(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, scores with `param` digits (ties, or hardly any) and case of 150 items."""
    rng = np.random.default_rng(0)
    truth = rng.random(150) < 0.3
    return truth, np.round(rng.random(150) + 0.4 * truth, request.param), rng.integers(CASES, size=150)


def test_each_draw_is_scored_as_scikit_learn_does(items: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    truth, scores, case = items
    members = [np.flatnonzero(case == each) for each in range(CASES)]
    weights = next(resamples(CASES))[:100]
    areas = roc_auc_statistic(truth, scores, case, CASES)(weights)
    for area, row in zip(areas, weights, strict=True):
        drawn = np.concatenate([np.tile(members[each], int(times)) for each, times in enumerate(row)])
        assert area == pytest.approx(roc_auc_score(truth[drawn], scores[drawn]), abs=1e-12)


def test_the_interval_is_about_that_of_hanley_and_mcneil() -> None:
    """Items that are cases of their own: the standard error of Hanley and McNeil, Radiology 1982, fits."""
    rng = np.random.default_rng(2)
    truth = np.arange(300) < 100
    found = estimate(roc_auc_statistic(truth, rng.normal(truth * 1.0, 1), np.arange(300), 300), 300)
    assert found.value is not None
    assert found.interval is not None
    a = found.value
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    error = np.sqrt((a * (1 - a) + 99 * (q1 - a * a) + 199 * (q2 - a * a)) / (100 * 200))
    assert found.interval[1] - found.interval[0] == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_a_draw_of_one_kind_is_undefined() -> None:
    statistic = roc_auc_statistic(np.array([True, False]), np.array([0.9, 0.1]), np.array([0, 1]), 2)
    assert np.array_equal(statistic(np.array([[1.0, 1], [2, 0], [0, 2]])), [1, np.nan, np.nan], equal_nan=True)


@given(st.lists(st.integers(0, 6), max_size=15))
def test_a_standing_is_the_middle_rank(values: list[int]) -> None:
    expected = (rankdata(values) - 0.5) / max(len(values), 1)
    assert standing(np.array(values, float)) == pytest.approx(expected)

"""Paired comparisons: equal systems, better ones, and p-values that keep what they promise."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import ttest_rel

from evaluation.bootstrap import Statistic
from evaluation.comparison import SWAPS, Comparison, compare
from evaluation.matching import Counts
from evaluation.ranking import roc_auc_statistic
from evaluation.weighted import detection_rate


def mean_of(first: np.ndarray, second: np.ndarray) -> Statistic:
    values = np.concatenate([first, second])
    return lambda weights: (weights @ values) / weights.sum(axis=1)


def counts(found: np.ndarray, figures: np.ndarray) -> list[Counts]:
    return [Counts(int(k), 0, int(n - k)) for k, n in zip(found, figures, strict=True)]


@pytest.mark.parametrize("cases", [1, 5, 40])
def test_equal_systems(cases: int) -> None:
    values = np.random.default_rng(0).random(cases)
    found = compare(mean_of(values, values), cases)
    assert (found.difference, found.p_value) == (0, 1)
    assert found.interval == (None if cases == 1 else pytest.approx((0, 0), abs=1e-12))


def test_a_clearly_better_system() -> None:
    rng = np.random.default_rng(0)
    figures = rng.poisson(8, 60) + 1
    better, worse = (counts(rng.binomial(figures, rate), figures) for rate in (0.9, 0.6))
    found = compare(detection_rate([*better, *worse], "recall"), 60)
    assert found.difference == pytest.approx(0.3, abs=0.05)
    assert found.interval is not None
    assert 0.2 < found.interval[0] < found.difference < found.interval[1] < 0.4
    assert found.p_value == pytest.approx(1 / (SWAPS + 1))


def test_the_order_of_the_systems_is_the_sign() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random(30), rng.random(30)
    one, other = compare(mean_of(first, second), 30), compare(mean_of(second, first), 30)
    assert one.difference == pytest.approx(-other.difference)
    assert one.interval == pytest.approx(tuple(-end for end in reversed(other.interval)))
    assert one.p_value == pytest.approx(other.p_value, abs=0.02)


def test_few_cases_are_swapped_in_every_way() -> None:
    """The p-value of six pairs by the textbook: every sign of every difference."""
    first, second = np.array([5.0, 3, 4, 6, 2, 7]), np.array([4.0, 3.5, 2, 3, 2, 5])
    sums = [abs(sum(s * d for s, d in zip(signs, first - second, strict=True))) for signs in product((1, -1), repeat=6)]
    expected = np.mean([value >= abs((first - second).sum()) - 1e-9 for value in sums])
    assert compare(mean_of(first, second), 6).p_value == pytest.approx(expected)


def test_many_cases_are_swapped_at_random_to_the_same_end() -> None:
    """A sign-flip test of a mean over many cases is nearly the paired t-test."""
    rng = np.random.default_rng(5)
    first = rng.normal(0, 1, 80)
    second = first - rng.normal(0.12, 0.5, 80)
    difference = first - second
    assert compare(mean_of(first, second), 80).p_value == pytest.approx(ttest_rel(first, second).pvalue, abs=0.015)
    assert compare(mean_of(first, second), 80).interval == pytest.approx(
        (difference.mean() - 1.96 * difference.std() / 80**0.5, difference.mean() + 1.96 * difference.std() / 80**0.5),
        abs=0.02,
    )


def test_systems_alike_are_seldom_told_apart() -> None:
    """Of 200 comparisons of equally good systems about 5 % have p below 0.05."""
    rng = np.random.default_rng(0)
    low = 0
    for _ in range(200):
        figures = rng.poisson(5, 12) + 1
        pair = [counts(rng.binomial(figures, 0.7), figures) for _ in range(2)]
        p = compare(detection_rate([*pair[0], *pair[1]], "f1"), 12).p_value
        assert p is not None
        low += p <= 0.05
    assert low / 200 <= 0.09
    assert low > 0


def test_the_same_cases_are_drawn_for_both() -> None:
    """Cases differ much, systems by the same amount in each: the difference has hardly any interval."""
    values = np.random.default_rng(0).normal(0, 100, 50)
    found = compare(mean_of(values + 1, values), 50)
    assert found.interval == pytest.approx((1, 1))


def test_of_two_rankings_the_better_is_found() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(400) < 0.4
    case = np.repeat(np.arange(40), 10)
    scores = [rng.normal(truth * skill, 1) for skill in (2.0, 0.8)]
    both = roc_auc_statistic(np.tile(truth, 2), np.concatenate(scores), np.concatenate([case, case + 40]), 80)
    found = compare(both, 40)
    alone = [roc_auc_statistic(truth, each, case, 40)(np.ones((1, 40)))[0] for each in scores]
    assert found.difference == pytest.approx(alone[0] - alone[1])
    assert found.p_value is not None
    assert found.p_value < 0.001


def test_what_is_undefined_is_not_compared() -> None:
    nothing = [Counts(), Counts()]
    assert compare(detection_rate(nothing * 2, "f1"), 2) == Comparison(None, None, None)

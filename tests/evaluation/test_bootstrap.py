"""Intervals against what is known of binomial and normal samples, and against draws done one by one."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from evaluation.bootstrap import DRAWS, Estimate, Statistic, estimate, evaluate, interval, percentiles, resamples, share

Floats = np.ndarray


def mean_of(values: Floats) -> Statistic:
    return lambda weights: (weights @ values) / weights.sum(axis=1)


def test_every_draw_has_as_many_cases() -> None:
    weights = np.concatenate(list(resamples(7)))
    assert weights.shape == (DRAWS, 7)
    assert (weights.sum(axis=1) == 7).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(7), abs=0.1)


def test_draws_are_those_of_the_seed() -> None:
    drawn = np.random.default_rng(3).integers(5, size=(DRAWS, 5))
    expected = [np.bincount(row, minlength=5) for row in drawn]
    assert (np.concatenate(list(resamples(5, seed=3))) == expected).all()
    assert (np.concatenate(list(resamples(5, seed=4))) != expected).any()


def test_an_interval_of_counts_is_that_of_summing_drawn_cases() -> None:
    counts = np.random.default_rng(0).integers(0, 9, (12, 3)).astype(float)
    drawn = np.random.default_rng(0).integers(12, size=(DRAWS, 12))
    sums = counts[drawn].sum(axis=1)
    expected = np.quantile(sums[:, 0] / sums[:, 1], [0.025, 0.975])
    assert interval(counts, lambda s: s[:, 0] / s[:, 1]) == pytest.approx(tuple(expected))


def test_a_share_has_the_binomial_interval() -> None:
    """Drawing n flags of which k are set is drawing from a binomial distribution of n and k / n."""
    flags = np.arange(200) < 60
    found = estimate(mean_of(flags.astype(float)), 200)
    assert found.value == pytest.approx(0.3)
    assert found.interval == pytest.approx(tuple(binom.ppf([0.025, 0.975], 200, 0.3) / 200), abs=0.011)


def test_a_mean_has_the_normal_interval() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400)
    half = norm.ppf(0.975) * values.std() / 20
    assert estimate(mean_of(values), 400).interval == pytest.approx(
        (values.mean() - half, values.mean() + half), abs=0.02
    )


def test_the_level_is_a_choice() -> None:
    counts = np.random.default_rng(1).normal(5, 2, (400, 1))
    narrow, wide = (interval(counts, lambda s: s[:, 0] / 400, level) for level in (0.5, 0.95))
    assert (narrow[1] - narrow[0]) / (wide[1] - wide[0]) == pytest.approx(norm.ppf(0.75) / norm.ppf(0.975), rel=0.1)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """Recall over cases of unlike size and difficulty, 200 samples of 60 cases; the true recall is 0.7."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        figures = rng.poisson(6, 60) + 1
        found = rng.binomial(figures, rng.beta(7, 3, 60))
        low, high = interval(np.stack([found, figures], axis=1).astype(float), lambda s: s[:, 0] / s[:, 1])
        covered += low <= 0.7 <= high
    assert 0.90 <= covered / 200 <= 0.99


def test_figures_of_one_case_are_not_independent() -> None:
    """A hundred figures in ten cases that are all or nothing say no more than ten figures."""
    counts = np.stack([np.tile([10.0, 0.0], 5), np.full(10, 10.0)], axis=1)
    low, high = interval(counts, lambda s: s[:, 0] / s[:, 1])
    assert (low, high) == pytest.approx(tuple(binom.ppf([0.025, 0.975], 10, 0.5) / 10), abs=0.101)
    assert high - low > 0.5


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(1).random(30)
    assert estimate(mean_of(values), 30) == estimate(mean_of(values), 30)
    assert estimate(mean_of(values), 30) != estimate(mean_of(values), 30, seed=1)


def test_undefined_draws_are_left_out() -> None:
    assert percentiles(np.array([np.nan, *np.linspace(0, 1, 101)])) == pytest.approx((0.025, 0.975))
    flags = np.array([1.0, 0, 0, 0])
    low, high = percentiles(evaluate(lambda w: share(w @ flags, w @ flags), resamples(4)))
    assert (low, high) == (1, 1)


def test_what_is_undefined_has_no_estimate() -> None:
    assert estimate(lambda weights: np.full(len(weights), np.nan), 5) == Estimate(None, None)
    assert estimate(mean_of(np.array([])), 0) == Estimate(None, None)


def test_a_single_case_has_no_interval() -> None:
    assert estimate(mean_of(np.array([0.25])), 1) == Estimate(0.25, None)

"""Confidence intervals by bootstrap over cases, since figures of one case are not independent.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13: the percentile interval.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from evaluation.cases import Floats

Statistic = Callable[[Floats], Floats]
"""From how often each case was drawn, (draws, cases), to the values (draws,), NaN where a draw leaves it undefined."""

DRAWS = 2000
BLOCK = 250
"""Draws that are looked at together, which bounds memory."""
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value with its percentile interval; None where it is undefined, and no interval for a single case."""

    value: float | None
    interval: tuple[float, float] | None


def resamples(cases: int, seed: int = 0) -> Iterator[Floats]:
    """How often each case occurs in each of DRAWS draws with replacement, in blocks (BLOCK, cases)."""
    rng = np.random.default_rng(seed)
    for _ in range(DRAWS // BLOCK):
        drawn = rng.integers(cases, size=(BLOCK, cases)) + cases * np.arange(BLOCK)[:, None]
        yield np.bincount(drawn.ravel(), minlength=BLOCK * cases).reshape(BLOCK, cases).astype(np.float64)


def evaluate(statistic: Statistic, blocks: Iterable[Floats]) -> Floats:
    """The values (draws,) of a statistic over all blocks of weights."""
    return np.concatenate([statistic(block) for block in blocks])


def interval(
    counts: Floats, statistic: Callable[[Floats], Floats], level: float = LEVEL, seed: int = 0
) -> tuple[float, float]:
    """The percentile interval of a statistic of summed counts, cases drawn with replacement.

    counts (cases, K): what each case adds, as true positives, false positives, false negatives. statistic takes sums
    (draws, K) to values (draws,).
    """
    return percentiles(evaluate(lambda weights: statistic(weights @ counts), resamples(len(counts), seed)), level)


def estimate(statistic: Statistic, cases: int, seed: int = 0) -> Estimate:
    """The value of a statistic over all cases, and its interval over draws of them."""
    value = float(statistic(np.ones((1, cases)))[0]) if cases else np.nan
    if np.isnan(value):
        return Estimate(None, None)
    return Estimate(value, percentiles(evaluate(statistic, resamples(cases, seed))) if cases > 1 else None)


def percentiles(values: Floats, level: float = LEVEL) -> tuple[float, float]:
    """The interval that holds the middle share `level` of the values (draws,); undefined ones (NaN) are left out."""
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def share(part: Floats, whole: Floats) -> Floats:
    """A part (draws,) of a whole (draws,); NaN where there is no whole."""
    return np.divide(part, whole, out=np.full(len(whole), np.nan, dtype=np.float64), where=whole > 0)

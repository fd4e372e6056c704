"""Two systems on the same cases: their difference, its interval, and how easily chance makes one as large.

Cases stand in a row twice, first with the answers of one system, then with those of the other; a statistic of weights
(draws, 2 N) is then that of the first system for weights (1, 0), of the second for (0, 1), and of a mixture that takes
some cases from one and the rest from the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evaluation.bootstrap import BLOCK, Statistic, evaluate, percentiles, resamples
from evaluation.cases import Floats

SWAPS = 9999
EXACT_UP_TO = 13
"""Cases of which all swaps, at most 8,192, are tried instead of SWAPS random ones."""


@dataclass(frozen=True)
class Comparison:
    """The first system's value less the second's, with its percentile interval over cases, and the p-value."""

    difference: float | None
    interval: tuple[float, float] | None
    p_value: float | None


def compare(statistic: Statistic, cases: int, seed: int = 0) -> Comparison:
    """Compare two systems on the same cases (N,), given a statistic of the 2 N stacked ones.

    The interval is a bootstrap in which both systems are given the same cases. The p-value is of a two-sided
    permutation test: were the systems alike, their answers to a case could change places, so p is the share of such
    arrangements, each case swapped with probability one half, whose difference is as large as the observed one or
    larger, in either direction. All 2^N arrangements are tried where N is at most 13; else 9,999 random ones and the
    observed one with them (Phipson and Smyth, Statistical Applications in Genetics and Molecular Biology 2010), so that
    p is never below 0.0001. An arrangement that leaves a value undefined counts as extreme, which can only enlarge p.
    """
    if cases == 0:
        return Comparison(None, None, None)

    def difference(first: Floats, second: Floats) -> Floats:
        return statistic(np.hstack([first, second])) - statistic(np.hstack([second, first]))

    observed = float(difference(np.ones((1, cases)), np.zeros((1, cases)))[0])
    if np.isnan(observed):
        return Comparison(None, None, None)
    drawn = evaluate(lambda block: difference(block, np.zeros_like(block)), resamples(cases, seed))
    swapped = evaluate(lambda block: difference(1 - block, block), _swaps(cases, seed))
    # the tolerance keeps rounding from telling a mirror image from the observed arrangement
    extreme = np.count_nonzero(~(np.abs(swapped) < abs(observed) - 1e-12))
    return Comparison(observed, percentiles(drawn) if cases > 1 else None, extreme / len(swapped))


def _swaps(cases: int, seed: int) -> Iterator[Floats]:
    """Which cases change places, in blocks (arrangements, cases) of 0 and 1; the first arrangement is the observed."""
    if cases <= EXACT_UP_TO:
        yield (np.arange(2**cases)[:, None] >> np.arange(cases) & 1).astype(np.float64)
        return
    yield np.zeros((1, cases))
    rng = np.random.default_rng(seed + 1)
    for start in range(0, SWAPS, BLOCK):
        yield rng.integers(2, size=(min(BLOCK, SWAPS - start), cases)).astype(np.float64)

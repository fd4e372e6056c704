"""Confidence intervals by bootstrap over cases, since figures of one case are not independent."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000


def interval(
    counts: NDArray[np.float64],
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """The percentile interval of a statistic of summed counts, cases drawn with replacement.

    counts (cases, K): what each case adds, as true positives, false positives, false negatives. statistic takes sums
    (draws, K) to values (draws,).
    """
    drawn = np.random.default_rng(seed).integers(len(counts), size=(DRAWS, len(counts)))
    values = statistic(counts[drawn].sum(axis=1))
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)

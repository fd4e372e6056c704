"""Whether a probability is what it says: the reliability diagram and the expected calibration error."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 10


@dataclass(frozen=True)
class ReliabilityBin:
    """Items whose probability lies from low to below high (the last bin: to high itself)."""

    low: float
    high: float
    items: int
    mean_probability: float
    share_positive: float


def reliability(truth: NDArray[np.bool_], probabilities: NDArray[np.float64], bins: int = BINS) -> list[ReliabilityBin]:
    """The bins of equal width over [0, 1] that hold an item, rising.

    truth (N,): whether an item is positive. probabilities (N,): of its being so.
    """
    edges = np.arange(bins + 1) / bins  # 3 / 10 is 0.3; three tenths added up are not
    index = np.clip(np.searchsorted(edges, probabilities, side="right") - 1, 0, bins - 1)
    return [
        ReliabilityBin(
            low=float(edges[number]),
            high=float(edges[number + 1]),
            items=int(np.count_nonzero(index == number)),
            mean_probability=float(probabilities[index == number].mean()),
            share_positive=float(truth[index == number].mean()),
        )
        for number in np.unique(index)
    ]


def expected_calibration_error(bins: Sequence[ReliabilityBin]) -> float | None:
    """The mean over items of how far their bin's share of positives lies from its mean probability; None without items.

    Source: Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015,
    with bins of equal width over the probability of the positive class. Guo et al., "On Calibration of Modern Neural
    Networks", ICML 2017, bin the confidence in the called class instead; the two figures differ.
    """
    items = sum(each.items for each in bins)
    if items == 0:
        return None
    return sum(each.items * abs(each.share_positive - each.mean_probability) for each in bins) / items

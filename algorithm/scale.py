"""Scores of two bundles on one scale, where the decision threshold of both is the same."""

import numpy as np
from numpy.typing import NDArray

from algorithm.settings import Settings


class Scale(Settings):
    """Between a bundle's own scores and those that it is compared with: linear below and above its decision threshold.

    own: that threshold; common: the others'. 0 and 1 stay what they are.
    """

    own: float
    common: float

    def of(self, scores: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """A bundle's scores, as the others would say them."""
        return np.asarray(np.interp(scores, (0, self.own, 1), (0, self.common, 1)))

    def back(self, score: float) -> float:
        """A score of the others, as the bundle would say it."""
        return float(np.interp(score, (0, self.common, 1), (0, self.own, 1)))

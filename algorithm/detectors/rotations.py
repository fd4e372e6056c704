"""A second look at tiles with a candidate, turned: networks see the same cell differently when it lies differently."""

import numpy as np
from numpy.typing import NDArray

from algorithm.detectors.base import Predict
from algorithm.manifest import Postprocess


def predict_turned(predict: Predict, tiles: NDArray[np.uint8], postprocess: Postprocess) -> NDArray[np.float32]:
    """Probabilities (M, B, T, T) of tiles (B, T, T, 3), the mean over the quarter turns where there is a candidate.

    A tile whose mean over the members stays below the lower threshold has nothing to report and is looked at once, so
    that turning costs little on tissue with few candidates.
    """
    probabilities = predict(tiles)
    if postprocess.rotations == 1:
        return probabilities
    again = np.flatnonzero(probabilities.mean(axis=0).max(axis=(1, 2)) >= postprocess.lower_threshold)
    if len(again):
        total = probabilities[:, again]
        for turns in range(1, postprocess.rotations):
            turned = predict(np.ascontiguousarray(np.rot90(tiles[again], turns, axes=(1, 2))))
            total += np.rot90(turned, -turns, axes=(2, 3))
        probabilities[:, again] = total / postprocess.rotations
    return probabilities

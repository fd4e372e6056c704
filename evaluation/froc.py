"""The free-response curve of the MIDOG 2025 evaluation, and the area under it, which lies between 0 and 8.

Source: MIDOG25_T1_evaluation_docker, evaluate.py, calc_froc_score. The curve is as it is there: 40 thresholds, not made
monotone, a sensitivity of 0 to the left of the fewest false positives.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from evaluation.cases import DetectionCase, Floats
from evaluation.matching import RADIUS_MM, SMOOTHING, Counts, Matching, match

THRESHOLDS = 40
MOST_FALSE_POSITIVES = 8.0
READINGS = 50
"""Places at which the curve is read, evenly spaced over 0 to 8 false positives an image."""

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Steps:
    """How the counts of one image change with the threshold.

    levels (L,): the distinct probabilities of its points, rising. true_positives (L + 1,) and false_positives (L + 1,):
    those of the points from the k-th level on; the last, of none. truths: mitotic figures in the image.
    """

    levels: Floats
    true_positives: Integers
    false_positives: Integers
    truths: int


@dataclass(frozen=True, eq=False)
class Curve:
    """The curve of a group of images, in rising order of false positives.

    thresholds, false_positives (a mean per image) and sensitivity: (K,) with K at most 40. Those with equally many
    false positives stand as the official evaluator's sorting leaves them.
    """

    thresholds: Floats
    false_positives: Floats
    sensitivity: Floats

    @property
    def area(self) -> float:
        """The area from 0 to 8 false positives an image; beyond its last point the curve goes on level."""
        places = np.linspace(0, MOST_FALSE_POSITIVES, READINGS)
        readings = np.interp(places, self.false_positives, self.sensitivity, left=0, right=self.sensitivity[-1])
        return float(np.trapezoid(readings, places))


def steps(case: DetectionCase, matching: Matching = match) -> Steps:
    """Match the points of a case, of either name, at each threshold that makes a difference."""
    levels = np.unique(case.scores)
    found = np.zeros(len(levels) + 1, dtype=np.int64)
    near = _near(case)
    counts = Counts()
    for k in reversed(range(len(levels))):
        # Points that lie near no figure are false positives whatever else is there: only near ones change a matching.
        if near[case.scores == levels[k]].any():
            counts = matching(case.truth_mm, case.points_mm[near & (case.scores >= levels[k])])
        found[k] = counts.true_positives
    points = len(case.scores) - np.searchsorted(np.sort(case.scores), levels)
    return Steps(levels, found, np.append(points, 0) - found, len(case.truth_mm))


def curve(images: Sequence[Steps]) -> Curve | None:
    """The curve of a group of images; None where it has no points at all."""
    if not any(len(image.levels) for image in images):
        return None
    lowest = min(image.levels[0] for image in images if len(image.levels))
    highest = max(image.levels[-1] for image in images if len(image.levels))
    thresholds = np.unique(np.linspace(lowest, highest, THRESHOLDS))
    true_positives = np.zeros(len(thresholds), dtype=np.int64)
    false_positives = np.zeros(len(thresholds), dtype=np.int64)
    for image in images:
        reached = np.searchsorted(image.levels, thresholds)
        true_positives += image.true_positives[reached]
        false_positives += image.false_positives[reached]
    per_image = false_positives / len(images)
    order = np.argsort(per_image)
    sensitivity = true_positives / (sum(image.truths for image in images) + SMOOTHING)
    return Curve(thresholds[order], per_image[order], sensitivity[order])


def _near(case: DetectionCase) -> NDArray[np.bool_]:
    """Which points (M,) have a figure about as near as the radius; at its edge, matching has the say."""
    if not len(case.truth_mm) or not len(case.points_mm):
        return np.zeros(len(case.points_mm), dtype=np.bool_)
    distances, _ = cKDTree(case.truth_mm).query(case.points_mm)
    return np.asarray(distances <= RADIUS_MM * (1 + 1e-6))

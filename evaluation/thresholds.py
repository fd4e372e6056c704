"""Operating points: what a threshold gives, and which of those tried gives most."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.froc import Steps
from evaluation.matching import Counts

MOST_SHOWN = 200


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold on the probability, and the counts of the detections that reach it."""

    threshold: float
    counts: Counts


def best_point(points: Sequence[OperatingPoint]) -> OperatingPoint:
    """The one of the highest F1; F1 equal to six digits goes to the threshold nearest 0.5."""
    return max(points, key=lambda point: (round(point.counts.f1, 6), -abs(point.threshold - 0.5)))


def strictest_point(points: Sequence[OperatingPoint], cost: float) -> OperatingPoint:
    """The one of the highest threshold whose F1 is at most `cost` below the best.

    For tissue in which figures are rarer than in the cases at hand: there a false alarm that is avoided counts more.
    """
    least = best_point(points).counts.f1 - cost
    return max((point for point in points if point.counts.f1 >= least), key=lambda point: point.threshold)


def operating_points(images: Sequence[Steps]) -> list[OperatingPoint]:
    """The counts of all images together, with points of either name, from each probability that occurs on, rising."""
    levels = np.unique(np.concatenate([image.levels for image in images]))
    found, false_alarms = np.zeros((2, len(levels)), dtype=np.int64)
    for image in images:
        reached = np.searchsorted(image.levels, levels)
        found += image.true_positives[reached]
        false_alarms += image.false_positives[reached]
    truths = sum(image.truths for image in images)
    columns = (levels.tolist(), found.tolist(), false_alarms.tolist())
    return [OperatingPoint(level, Counts(tp, fp, truths - tp)) for level, tp, fp in zip(*columns, strict=True)]


def thinned(points: Sequence[OperatingPoint], most: int = MOST_SHOWN) -> list[OperatingPoint]:
    """At most so many of the points, evenly spaced, with the first and the last: enough to draw them."""
    if len(points) <= most:
        return list(points)
    return [points[k] for k in np.linspace(0, len(points) - 1, most).round().astype(int)]

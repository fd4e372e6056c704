"""The challenge's figures as statistics of weighted cases, which is what intervals and comparisons draw."""

from collections.abc import Callable, Sequence

import numpy as np

from evaluation.bootstrap import Statistic
from evaluation.cases import ClassificationCase, Floats
from evaluation.classification import confusion, rates
from evaluation.froc import THRESHOLDS, Curve, Steps, curve
from evaluation.matching import SMOOTHING, Counts

DETECTION_RATES: dict[str, Callable[[Counts], object]] = {
    "f1": lambda counts: counts.f1,
    "precision": lambda counts: counts.precision,
    "recall": lambda counts: counts.recall,
}
CLASSIFICATION_RATES = ("balanced_accuracy", "sensitivity", "specificity", "accuracy")


def detection_rate(counts: Sequence[Counts], name: str) -> Statistic:
    """One of DETECTION_RATES of the summed counts of the cases; NaN where a draw has neither figures nor detections."""
    table = np.array([(c.true_positives, c.false_positives, c.false_negatives) for c in counts], dtype=np.float64)

    def statistic(weights: Floats) -> Floats:
        sums = weights @ table
        # the formulas of Counts serve columns of sums, one entry a draw, as they serve numbers
        return np.where(sums.any(axis=1), np.asarray(DETECTION_RATES[name](Counts(*sums.T))), np.nan)

    return statistic


def froc_area(*systems: Sequence[Steps]) -> Statistic:
    """The area under the official free-response curve of the cases, at the thresholds that all of them together have.

    Of several systems, which stand one after the other, each keeps its own thresholds.
    """
    tables = np.concatenate([_at_thresholds(images) for images in systems])
    truths = np.array([image.truths for images in systems for image in images], dtype=np.float64)

    def statistic(weights: Floats) -> Floats:
        found, false_alarms = weights @ tables[:, 0], weights @ tables[:, 1]
        sensitivity = found / (weights @ truths + SMOOTHING)[:, None]
        per_image = false_alarms / weights.sum(axis=1)[:, None]
        order = np.argsort(per_image, axis=1)
        rows = zip(np.take_along_axis(per_image, order, 1), np.take_along_axis(sensitivity, order, 1), strict=True)
        return np.array([Curve(order[0], x, y).area for x, y in rows])

    return statistic


def _at_thresholds(images: Sequence[Steps]) -> Floats:
    """True and false positives of each image at each threshold, (images, 2, THRESHOLDS)."""
    whole = curve(images)
    if whole is None:
        return np.zeros((len(images), 2, THRESHOLDS))
    thresholds = np.sort(whole.thresholds)
    thresholds = np.pad(thresholds, (0, THRESHOLDS - len(thresholds)), mode="edge")
    reached = [np.searchsorted(image.levels, thresholds) for image in images]
    counts = [(image.true_positives[k], image.false_positives[k]) for image, k in zip(images, reached, strict=True)]
    return np.array(counts, dtype=np.float64)


def classification_rate(cases: Sequence[ClassificationCase], name: str) -> Statistic:
    """One of CLASSIFICATION_RATES over all crops; NaN where a draw lacks a class that it needs."""
    table = np.array([confusion(case.truth, case.answers) for case in cases], dtype=np.float64)

    def statistic(weights: Floats) -> Floats:
        return rates(*(weights @ table).T)[name]

    return statistic

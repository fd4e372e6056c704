"""Matching detections with mitotic figures as the MIDOG 2025 evaluation does, and the figures made of it.

Source: MIDOG25_T1_evaluation_docker, evaluate.py, which calls score_detection of grand-challenge-metrics.
"""

from dataclasses import dataclass

import numpy as np
from grand_challenge_metrics.scorers import score_detection
from numpy.typing import NDArray

RADIUS_MM = 7.5e-3
SMOOTHING = 1e-6


@dataclass(frozen=True)
class Counts:
    """True positives, false positives and missed figures; counts of several regions add up."""

    true_positives: int = 0
    false_positives: int = 0
    false_negatives: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
        )

    @property
    def precision(self) -> float:
        return self.true_positives / (self.true_positives + self.false_positives + SMOOTHING)

    @property
    def recall(self) -> float:
        return self.true_positives / (self.true_positives + self.false_negatives + SMOOTHING)

    @property
    def f1(self) -> float:
        doubled = 2 * self.true_positives + SMOOTHING
        return doubled / (2 * self.true_positives + self.false_positives + self.false_negatives + SMOOTHING)


def match(truth_mm: NDArray[np.float64], predictions_mm: NDArray[np.float64], radius_mm: float = RADIUS_MM) -> Counts:
    """Greedy in the order of the ground truth: each figure takes its nearest free detection within the radius.

    truth_mm (N, 2) and predictions_mm (M, 2), x then y, mm; a distance equal to the radius matches.
    """
    if len(truth_mm) == 0 or len(predictions_mm) == 0:
        return Counts(0, len(predictions_mm), len(truth_mm))
    score = score_detection(ground_truth=truth_mm, predictions=predictions_mm, radius=radius_mm)
    return Counts(score.true_positives, score.false_positives, score.false_negatives)

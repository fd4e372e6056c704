"""Matching detections with mitotic figures as the MIDOG 2025 evaluation does, and the figures made of it.

Source: MIDOG25_T1_evaluation_docker, evaluate.py, which calls score_detection of grand-challenge-metrics.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from grand_challenge_metrics.scorers import find_hits_for_targets, score_detection
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

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


def match_optimal(
    truth_mm: NDArray[np.float64], predictions_mm: NDArray[np.float64], radius_mm: float = RADIUS_MM
) -> Counts:
    """As `match`, but with as many pairs as the radius allows, in whatever order the points stand."""
    pairs = len(optimal_pairs(truth_mm, predictions_mm, radius_mm))
    return Counts(pairs, len(predictions_mm) - pairs, len(truth_mm) - pairs)


def optimal_pairs(
    truth_mm: NDArray[np.float64], predictions_mm: NDArray[np.float64], radius_mm: float = RADIUS_MM
) -> NDArray[np.int64]:
    """The most pairs of a figure and a detection within the radius, and of those choices the least total distance.

    truth_mm (N, 2) and predictions_mm (M, 2), x then y, mm. Returns (K, 2): index of the figure, of the detection.
    Points that no chain of near points joins are assigned apart, by the Hungarian method (Kuhn, Naval Research
    Logistics Quarterly 1955), so that what grows with the cube of its size is a cluster and not the region.
    """
    if len(truth_mm) == 0 or len(predictions_mm) == 0:
        return np.empty((0, 2), dtype=np.int64)
    # the official search, so that both ways of matching agree on what lies exactly on the radius
    hits = find_hits_for_targets(targets=truth_mm, predictions=predictions_mm, radius=radius_mm)
    figures = np.repeat(np.arange(len(truth_mm)), [len(near) for near in hits])
    detections = np.concatenate(hits).astype(np.int64)
    if len(detections) == 0:
        return np.empty((0, 2), dtype=np.int64)
    distances = np.linalg.norm(truth_mm[figures] - predictions_mm[detections], axis=1)
    size = len(truth_mm) + len(predictions_mm)
    graph = coo_array((np.ones(len(figures)), (figures, detections + len(truth_mm))), shape=(size, size))
    cluster_of_point = connected_components(graph, directed=False)[1]
    order = np.argsort(cluster_of_point[figures], kind="stable")
    starts = np.flatnonzero(np.diff(cluster_of_point[figures][order])) + 1
    chosen = [_assign(figures[part], detections[part], distances[part]) for part in np.split(order, starts)]
    return np.concatenate(chosen)


def _assign(
    figures: NDArray[np.int64], detections: NDArray[np.int64], distances: NDArray[np.float64]
) -> NDArray[np.int64]:
    """The pairs (K, 2) chosen of one cluster, given its E candidate pairs (E,), (E,) and their distances (E,)."""
    rows, row = np.unique(figures, return_inverse=True)
    columns, column = np.unique(detections, return_inverse=True)
    largest = max(float(distances.max()), np.finfo(float).tiny)
    forbidden = 1.0 + min(len(rows), len(columns))  # dearer than all the pairs that one more pair could lengthen
    cost = np.full((len(rows), len(columns)), forbidden)
    cost[row, column] = distances / largest
    left, right = linear_sum_assignment(cost)
    allowed = cost[left, right] < forbidden
    return np.stack([rows[left[allowed]], columns[right[allowed]]], axis=1)


Matching = Callable[[NDArray[np.float64], NDArray[np.float64]], Counts]
MATCHINGS: dict[str, Matching] = {"greedy": match, "optimal": match_optimal}
"""The ways of matching, by the name that the command line gives them."""

"""Merging detections that lie closer together than a mitotic figure is wide: of one bundle, and across bundles."""

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree


def merged_into(points: NDArray[np.float64], scores: NDArray[np.float64], radius: float) -> NDArray[np.int64]:
    """Which detection (N,) each of the points (N, 2) with their scores (N,) is merged into: itself where it stays.

    The highest score stays and takes all within the radius, in the points' unit, that are still free; then the next
    that is free, and so on. Of equal scores the upper one goes first, and the left one of a row, so the order of the
    points does not matter.
    """
    order = np.lexsort((points[:, 0], points[:, 1], -scores))
    pairs = cKDTree(points[order]).query_pairs(radius, output_type="ndarray")
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    owner = np.arange(len(points))
    free = np.ones(len(points), bool)
    firsts, starts = np.unique(pairs[:, 0], return_index=True)
    for first, others in zip(firsts.tolist(), np.split(pairs[:, 1], starts)[1:], strict=True):
        if free[first]:
            taken = others[free[others]]
            owner[taken] = first
            free[taken] = False
    found = np.empty(len(points), np.int64)
    found[order] = order[owner]
    return found


def grouped(points: NDArray[np.float64], source: NDArray[np.int64], radius: float) -> NDArray[np.int64]:
    """Which points (N, 2) of different sources (N,) mean the same: for each the first of its group, itself if alone.

    The closest pair is joined first, of equal distances the one that comes first in order. No group has two points of
    one source, or two that lie further apart than the radius, in the points' unit.
    """
    pairs = cKDTree(points).query_pairs(radius, output_type="ndarray")
    pairs = pairs[source[pairs[:, 0]] != source[pairs[:, 1]]]
    distances = np.hypot(*(points[pairs[:, 0]] - points[pairs[:, 1]]).T)
    ordered = pairs[np.lexsort((pairs[:, 1], pairs[:, 0], distances))].tolist()
    near = {(first, second) for first, second in ordered}
    groups = [[index] for index in range(len(points))]  # the group of each point, one list for all that are in it
    for first, second in ordered:
        group, other = groups[first], groups[second]
        if all((min(pair), max(pair)) in near for pair in product(group, other)):
            group += other
            for index in other:
                groups[index] = group
    return np.array([min(group) for group in groups], np.int64)

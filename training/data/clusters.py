"""Groups of crops that look alike: features brought to few dimensions, and k-means.

Source: MitDet (Wang, Lin, Li et al.), section 3.2, which divides the negatives by ten clusters of an ImageNet network's
features; that features are normalised and reduced before is this project's choice.
"""

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2, vq
from scipy.linalg import eigh

Floats = NDArray[np.floating]
DIMENSIONS = 128
FITTED = 50_000
ROUNDS, STARTS = 100, 10


class Clusters(NamedTuple):
    """labels: (N,) int64, which cluster each point is in; centres: (k, D) float64."""

    labels: NDArray[np.int64]
    centres: NDArray[np.float64]


class Axes(NamedTuple):
    """Principal axes of features of length 1. mean: (C,); directions: (C, D), the one of the largest variance first."""

    mean: NDArray[np.float64]
    directions: NDArray[np.float64]

    def reduced(self, features: Floats) -> NDArray[np.float64]:
        """Features (N, C), brought to length 1, along the axes, (N, D)."""
        return np.asarray((of_unit_length(features) - self.mean) @ self.directions)


def principal_axes(features: Floats, dimensions: int = DIMENSIONS) -> Axes:
    """Of features (N, C), brought to length 1; as many as the least of `dimensions`, N and C.

    Each points to where its largest component is positive.
    """
    units = of_unit_length(features)
    mean, channels = units.mean(axis=0), units.shape[1]
    kept = min(dimensions, len(units), channels)
    covariance = (units - mean).T @ (units - mean)
    _, rising = eigh(covariance, subset_by_index=(channels - kept, channels - 1))
    directions = rising[:, ::-1]
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(kept)]
    return Axes(mean, directions * np.sign(largest))


def k_means(points: Floats, k: int, seed: int = 0) -> Clusters:
    """The best of ten k-means of points (N, D), each from the seeds of k-means++ and at most 100 rounds.

    There are fewer clusters where there are fewer points that differ. The centres are those of at most 50,000 points,
    drawn at random. Source: Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
    """
    points = np.asarray(points, np.float64)
    fitted = points[drawn(len(points), seed)]
    k = min(k, len(np.unique(fitted, axis=0)))
    rng = np.random.default_rng(seed)
    best, least = np.empty((0, points.shape[1])), np.inf
    for _ in range(STARTS):
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # a cluster without points keeps its place
            centres, _ = kmeans2(fitted, k, iter=ROUNDS, minit="++", rng=rng)
        _, distances = vq(fitted, centres, check_finite=False)
        if (total := float(np.square(distances).sum())) < least:
            best, least = centres, total
    return Clusters(vq(points, best, check_finite=False)[0].astype(np.int64), best)


def drawn(count: int, seed: int) -> NDArray[np.int64]:
    """Which of `count` points are fitted: all, or 50,000 of them at random, in order."""
    if count <= FITTED:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, FITTED, replace=False))


def of_unit_length(features: Floats) -> NDArray[np.float64]:
    """Features (N, C) brought to length 1."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(lengths, 1e-12), np.float64)

"""Which negatives a detector of nuclei trains on: of all kinds alike, then those that are hard.

Source: MitDet (Wang, Lin, Li et al.), section 3.2, "diversity-guided sample balancing". The paper leaves the number of
a cluster's draws open; and it keeps the negatives that a network takes for figures, of which nearly none are left if it
was trained on them: here networks score what they were not trained on, and what is missing is filled up.
"""

import math

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


def first_sample(clusters: Numbers, positives: int, ratio: float, rng: np.random.Generator) -> Numbers:
    """The places in order of negatives drawn alike from every cluster; clusters (N,) says in which each is.

    `ratio` times as many as there are positives, rounded up in every cluster. What a small cluster lacks the others
    give; where all have too few, all are taken.
    """
    sizes = np.bincount(clusters)
    there = int(np.count_nonzero(sizes))
    counts = equal_counts(sizes, math.ceil(ratio * positives / max(there, 1)) * there)
    drawn = [
        rng.choice(np.flatnonzero(clusters == cluster), count, replace=False) for cluster, count in enumerate(counts)
    ]
    return np.sort(np.concatenate([np.empty(0, np.int64), *drawn]))


def equal_counts(sizes: Numbers, total: int) -> Numbers:
    """How many to take of groups of these sizes (k,), so that their sum is `total` or all there is.

    No two groups differ by more than one but where one of them is taken whole.
    """
    counts = np.zeros_like(sizes)
    left = total
    for place, group in enumerate(np.argsort(sizes, kind="stable")):
        counts[group] = min(int(sizes[group]), left // (len(sizes) - place))
        left -= int(counts[group])
    return counts


def scored_by(count: int, parts: int, rng: np.random.Generator) -> Numbers:
    """(count,): which of `parts` networks scores each negative; it trains on those of all other parts.

    Parts are as large as each other, or larger by one.
    """
    return rng.permutation(np.arange(count) % parts)


def second_sample(
    probabilities: NDArray[np.floating], clusters: Numbers, positives: int, epsilon: float = 0.5
) -> Numbers:
    """The places in order of the negatives that are hard: of a probability (N,) of `epsilon` and more.

    Where these are fewer than the positives, the clusters (N,) in turn give the hardest that each still has until they
    are as many; in the last round the hardest come first.
    """
    hard = probabilities >= epsilon
    missing = positives - int(hard.sum())
    if missing <= 0:
        return np.flatnonzero(hard)
    easy = np.flatnonzero(~hard)
    by_cluster = easy[np.lexsort((-probabilities[easy], clusters[easy]))]
    of_cluster = clusters[by_cluster]
    rounds = np.arange(len(by_cluster)) - np.searchsorted(of_cluster, of_cluster)
    in_turn = by_cluster[np.lexsort((-probabilities[by_cluster], rounds))]
    return np.sort(np.concatenate([np.flatnonzero(hard), in_turn[:missing]]))

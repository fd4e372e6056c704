"""Diverse and balanced negatives: the counts by hand, and the guarantees for any clusters and probabilities."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from training.data.diverse_balanced import equal_counts, first_sample, scored_by, second_sample

SIZES = st.lists(st.integers(0, 30), min_size=1, max_size=8).map(lambda sizes: np.array(sizes, np.int64))
CLUSTERS = of_numpy.arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 5))


@pytest.mark.parametrize(
    "sizes, total, expected",
    [
        ([10, 10, 10], 12, [4, 4, 4]),
        ([2, 10, 10], 12, [2, 5, 5]),  # what the first lacks the others give
        ([1, 3, 10], 12, [1, 3, 8]),
        ([10, 1, 10], 12, [5, 1, 6]),
        ([1, 2, 3], 12, [1, 2, 3]),
    ],
)
def test_counts_by_hand(sizes: list[int], total: int, expected: list[int]) -> None:
    assert equal_counts(np.array(sizes), total).tolist() == expected


@given(SIZES, st.integers(0, 250))
def test_counts_are_equal_but_for_what_is_taken_whole(sizes: np.ndarray, total: int) -> None:
    counts = equal_counts(sizes, total)
    assert counts.sum() == min(total, sizes.sum())
    assert (counts <= sizes).all()
    assert all(count >= counts.max() - 1 for count, size in zip(counts, sizes, strict=True) if count < size)


@given(CLUSTERS, st.integers(1, 20), st.floats(0.5, 8), st.integers(0, 99))
def test_the_first_sample_is_as_large_as_asked_and_balanced(
    clusters: np.ndarray, positives: int, ratio: float, seed: int
) -> None:
    found = first_sample(clusters, positives, ratio, np.random.default_rng(seed))
    there = np.unique(clusters)
    assert len(found) == min(len(clusters), math.ceil(ratio * positives / len(there)) * len(there))
    assert len(np.unique(found)) == len(found)
    counts, sizes = (np.bincount(of, minlength=6)[there] for of in (clusters[found], clusters))
    assert all(count >= counts.max() - 1 for count, size in zip(counts, sizes, strict=True) if count < size)


def test_the_first_sample_is_drawn_at_random() -> None:
    clusters = np.repeat([0, 1], 50)
    drawn = [first_sample(clusters, 2, 5, np.random.default_rng(seed)).tolist() for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    seen = {number for seed in range(60) for number in first_sample(clusters, 2, 5, np.random.default_rng(seed))}
    assert seen == set(range(100))


@given(st.integers(0, 40), st.integers(1, 5))
def test_every_negative_is_scored_by_one_network(count: int, parts: int) -> None:
    sizes = np.bincount(scored_by(count, parts, np.random.default_rng(0)), minlength=parts)
    assert sizes.sum() == count
    assert sizes.max() - sizes.min() <= 1


def test_the_second_sample_by_hand() -> None:
    """One is hard; of four that are missing, two rounds over both clusters give the hardest of each."""
    probabilities = np.array([0.9, 0.4, 0.3, 0.2, 0.05, 0.04, 0.03])
    clusters = np.array([0, 0, 0, 0, 1, 1, 1])
    assert second_sample(probabilities, clusters, 5).tolist() == [0, 1, 2, 4, 5]
    assert second_sample(probabilities, clusters, 4).tolist() == [0, 1, 2, 4]
    assert second_sample(probabilities, clusters, 1).tolist() == [0]
    assert second_sample(probabilities, clusters, 2, epsilon=0.25).tolist() == [0, 1, 2]


PROBABILITIES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 5)), min_size=1, max_size=60)


@given(PROBABILITIES, st.integers(0, 70), st.floats(0.1, 0.9))
def test_all_that_is_hard_is_kept_and_there_are_enough(
    given_: list[tuple[float, int]], positives: int, epsilon: float
) -> None:
    probabilities, clusters = (np.array(column) for column in zip(*given_, strict=True))
    found = second_sample(probabilities, clusters, positives, epsilon)
    hard = np.flatnonzero(probabilities >= epsilon)
    assert set(hard) <= set(found)
    assert len(found) == max(len(hard), min(positives, len(probabilities)))
    assert len(np.unique(found)) == len(found)
    filled = np.setdiff1d(found, hard)
    for cluster in np.unique(clusters):
        left_out = np.setdiff1d(np.flatnonzero((clusters == cluster) & (probabilities < epsilon)), filled)
        of_cluster = filled[clusters[filled] == cluster]
        if len(left_out) and len(of_cluster):
            assert probabilities[of_cluster].min() >= probabilities[left_out].max()
        if len(left_out):  # it gave in every round, but perhaps the last
            assert len(of_cluster) >= np.bincount(clusters[filled], minlength=6).max() - 1

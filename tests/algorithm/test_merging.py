from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithm.merging import grouped, merged_into


def one_by_one(points: np.ndarray, scores: np.ndarray, radius: float) -> np.ndarray:
    """The same by comparing every pair."""
    order = sorted(range(len(points)), key=lambda i: (-scores[i], points[i, 1], points[i, 0]))
    found = np.full(len(points), -1)
    for first in order:
        if found[first] < 0:
            close = np.hypot(*(points - points[first]).T) <= radius
            found[close & (found < 0)] = first
    return found


@given(st.integers(0, 60), st.integers(0, 1000))
def test_it_is_what_comparing_every_pair_gives(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 40, (count, 2)).astype(float) + rng.uniform(0, 0.1, (count, 2))
    scores = rng.integers(0, 5, count) / 5
    assert merged_into(points, scores, 5.0).tolist() == one_by_one(points, scores, 5.0).tolist()


@given(st.integers(2, 40), st.integers(0, 1000))
def test_the_order_of_the_points_does_not_matter(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, scores = rng.uniform(0, 40, (count, 2)), rng.integers(0, 3, count) / 3
    shuffled = rng.permutation(count)
    found = merged_into(points, scores, 8.0)
    again = merged_into(points[shuffled], scores[shuffled], 8.0)
    assert shuffled[again].tolist() == found[shuffled].tolist()


def test_a_chain_is_broken_by_its_best() -> None:
    """The middle one takes both ends; with the best at an end the other end is too far away and stays."""
    chain = np.array([(0.0, 0.0), (4.0, 0.0), (8.0, 0.0)])
    assert merged_into(chain, np.array([0.5, 0.9, 0.6]), 5.0).tolist() == [1, 1, 1]
    assert merged_into(chain, np.array([0.9, 0.6, 0.5]), 5.0).tolist() == [0, 0, 2]


@pytest.mark.parametrize(("radius", "expected"), [(5.0, [0, 0]), (4.999, [0, 1])])
def test_the_radius_belongs_to_it(radius: float, expected: list[int]) -> None:
    points = np.array([(0.0, 0.0), (3.0, 4.0)])
    assert merged_into(points, np.array([0.9, 0.8]), radius).tolist() == expected


def test_of_equal_scores_the_upper_and_then_the_left_one_stays() -> None:
    points = np.array([(1.0, 1.0), (0.0, 1.0), (2.0, 0.0)])
    assert merged_into(points, np.full(3, 0.5), 3.0).tolist() == [2, 2, 2]
    assert merged_into(points[:2], np.full(2, 0.5), 3.0).tolist() == [1, 1]


def test_none_are_none() -> None:
    assert merged_into(np.empty((0, 2)), np.empty(0), 5.0).tolist() == []


def joined_one_by_one(points: np.ndarray, source: np.ndarray, radius: float) -> list[int]:
    """The same by looking for the closest pair of groups again and again."""
    groups = [[index] for index in range(len(points))]
    while True:
        best = None
        for one, other in combinations(range(len(groups)), 2):
            pairs = list(product(groups[one], groups[other]))
            distances = [np.hypot(*(points[i] - points[j])) for i, j in pairs]
            if any(source[i] == source[j] for i, j in pairs) or max(distances) > radius:
                continue
            nearest = min(zip(distances, (sorted(pair) for pair in pairs), strict=True))
            if best is None or nearest < best[0]:
                best = nearest, one, other
        if best is None:
            return [next(min(group) for group in groups if index in group) for index in range(len(points))]
        _, one, other = best
        groups[one] += groups.pop(other)


@given(st.integers(0, 12), st.integers(1, 3), st.integers(0, 1000))
def test_groups_are_what_joining_the_closest_again_and_again_gives(count: int, sources: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 12, (count, 2)).astype(float)
    source = rng.integers(0, sources, count)
    assert grouped(points, source, 5.0).tolist() == joined_one_by_one(points, source, 5.0)


def test_the_closest_are_joined_first_and_a_source_is_in_a_group_once() -> None:
    points = np.array([(0.0, 0.0), (4.0, 0.0), (5.0, 0.0)])
    assert grouped(points, np.array([0, 1, 0]), 5.0).tolist() == [0, 1, 1]
    assert grouped(points, np.array([0, 0, 0]), 5.0).tolist() == [0, 1, 2]
    assert grouped(points, np.array([0, 1, 2]), 5.0).tolist() == [0, 0, 0]
    assert grouped(points, np.array([0, 1, 2]), 4.9).tolist() == [0, 1, 1]
    assert grouped(np.empty((0, 2)), np.empty(0, np.int64), 5.0).tolist() == []

"""Optimal matching against brute force, and against the greedy one."""

from itertools import permutations
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from evaluation.matching import RADIUS_MM, Counts, match, match_optimal, optimal_pairs

Points = NDArray[np.float64]


def points(most: int) -> st.SearchStrategy[Points]:
    """Points (N, 2) of a small field, mm, on no grid, so that none lies on the radius by rounding."""
    place = st.integers(0, 4000).map(lambda step: step * 7.3e-6)
    return st.lists(st.tuples(place, place), max_size=most).map(lambda rows: np.array(rows, float).reshape(-1, 2))


def at(*xs: float) -> Points:
    return np.array([(x, 0.0) for x in xs]).reshape(-1, 2)


def total(truth: Points, predictions: Points) -> tuple[int, float]:
    """Pairs, and the sum of their distances."""
    pairs = optimal_pairs(truth, predictions)
    return len(pairs), float(np.linalg.norm(truth[pairs[:, 0]] - predictions[pairs[:, 1]], axis=1).sum())


def brute_force(truth: Points, predictions: Points) -> tuple[int, float]:
    """The most pairs, then the least distance, of all ways to give the shorter list partners from the longer."""
    short, long = sorted((truth, predictions), key=len)
    if not len(short):
        return 0, 0.0
    distances = cdist(short, long)
    best = (0, 0.0)
    for partners in permutations(range(len(long)), len(short)):
        near = [d for row, column in enumerate(partners) if (d := distances[row, column]) <= RADIUS_MM]
        best = min(best, (-len(near), sum(near)))
    return -best[0], best[1]


def test_order_costs_no_pair() -> None:
    """The case in which the greedy matching loses one."""
    assert match(at(0, 0.004), at(0.003, -0.005)) == Counts(1, 1, 1)
    assert match_optimal(at(0, 0.004), at(0.003, -0.005)) == Counts(2, 0, 0)


def test_a_chain_is_paired_all_along() -> None:
    """Each figure's nearest detection is its neighbour's; only the whole chain moved on gives every figure one."""
    truth, predictions = at(*[0.01 * k for k in range(50)]), at(*[0.01 * k + 0.006 for k in range(50)])
    assert match_optimal(truth, predictions) == Counts(50, 0, 0)


def test_of_equally_many_pairs_the_nearer_are_taken() -> None:
    pairs = optimal_pairs(at(0, 0.003), at(0.0031, 0.0001))
    assert sorted(map(tuple, pairs.tolist())) == [(0, 1), (1, 0)]


def test_more_pairs_go_before_nearer_ones() -> None:
    assert total(at(0, 0.007), at(0.007, 0.0141))[0] == 2


def test_the_radius_is_inclusive_and_can_be_another() -> None:
    assert match_optimal(at(0), at(0.0075)) == Counts(1, 0, 0)
    assert match_optimal(at(0), at(0.00751)) == Counts(0, 1, 1)
    assert match_optimal(at(0), at(0.01), radius_mm=0.01) == Counts(1, 0, 0)


def test_points_in_one_place() -> None:
    assert match_optimal(at(0, 0, 0), at(0, 0)) == Counts(2, 0, 1)


def test_empty_sides() -> None:
    assert match_optimal(at(), at()) == Counts(0, 0, 0)
    assert match_optimal(at(), at(0, 1)) == Counts(0, 2, 0)
    assert match_optimal(at(0, 1, 2), at()) == Counts(0, 0, 3)
    assert match_optimal(at(0), at(1)) == Counts(0, 1, 1)


def test_a_full_region_is_no_matter() -> None:
    rng = np.random.default_rng(0)
    truth, predictions = rng.uniform(0, 1, (3000, 2)), rng.uniform(0, 1, (4000, 2))
    assert match_optimal(truth, predictions).true_positives >= match(truth, predictions).true_positives > 1000


@given(points(5), points(5))
def test_it_is_what_brute_force_finds(truth: Points, predictions: Points) -> None:
    pairs, distance = total(truth, predictions)
    expected_pairs, expected_distance = brute_force(truth, predictions)
    assert pairs == expected_pairs
    assert abs(distance - expected_distance) < 1e-12


@given(points(14), points(14))
def test_it_finds_at_least_what_greedy_finds(truth: Points, predictions: Points) -> None:
    greedy, optimal = match(truth, predictions), match_optimal(truth, predictions)
    assert optimal.true_positives >= greedy.true_positives
    assert optimal.true_positives + optimal.false_negatives == len(truth)
    assert optimal.true_positives + optimal.false_positives == len(predictions)


@given(points(12), points(12), st.randoms(use_true_random=False))
def test_order_does_not_matter(truth: Points, predictions: Points, random: Random) -> None:
    rng = np.random.default_rng(random.getrandbits(32))
    pairs, distance = total(truth, predictions)
    other_pairs, other_distance = total(rng.permutation(truth), rng.permutation(predictions))
    assert pairs == other_pairs
    assert abs(distance - other_distance) < 1e-12


@given(points(12), points(12))
def test_no_point_serves_twice_and_no_pair_is_far(truth: Points, predictions: Points) -> None:
    pairs = optimal_pairs(truth, predictions)
    assert len(set(pairs[:, 0].tolist())) == len(set(pairs[:, 1].tolist())) == len(pairs)
    assert (np.linalg.norm(truth[pairs[:, 0]] - predictions[pairs[:, 1]], axis=1) <= RADIUS_MM).all()

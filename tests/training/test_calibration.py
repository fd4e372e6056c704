"""The temperature of a classifier's ensemble: closed forms, and whose word counts."""

import numpy as np
import pytest
from scipy.special import expit, logit

from training.bundles.calibration import Unseen


def figures(logits: np.ndarray, atypical: np.ndarray, by: np.ndarray | None = None) -> Unseen:
    """One rotation; logits (M, N); by all members unless told, and of two slides in turn."""
    slides = np.array(["a", "b"] * logits.shape[1])[: logits.shape[1]]
    return Unseen(logits[None], np.ones(logits.shape, bool) if by is None else by, atypical, slides)


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_logits_that_are_too_large_are_divided_by_as_much(factor: float) -> None:
    random = np.random.default_rng(0)
    probabilities = random.uniform(0.02, 0.98, 40_000)
    atypical = random.uniform(size=40_000) < probabilities
    found = figures(factor * logit(probabilities)[None], atypical).temperature()
    assert found == pytest.approx(factor, rel=0.03)


def test_both_types_count_alike() -> None:
    """A tenth is atypical, which the temperature does not see: more normal figures of the same kind change nothing."""
    random = np.random.default_rng(1)
    logits, atypical = random.normal(size=400), np.arange(400) % 2 == 0
    logits[atypical] += 1
    once = figures(logits[None], atypical).temperature()
    normal = np.tile(logits[~atypical], 8)
    more = figures(np.append(logits, normal)[None], np.append(atypical, np.zeros(normal.size, bool)))
    assert more.temperature() == pytest.approx(once, rel=1e-3)


def test_only_those_count_that_have_not_seen_a_figure() -> None:
    logits = np.array([[1.0, 9.0], [9.0, -2.0]])
    unseen = figures(logits, np.array([True, False]), np.array([[True, False], [False, True]]))
    assert unseen.probabilities(2.0) == pytest.approx(expit([0.5, -1.0]))
    of_one = unseen.of(np.array(["b"]))
    assert (of_one.turned.tolist(), of_one.by.tolist(), of_one.atypical.tolist()) == (
        [[[9.0], [-2.0]]],
        [[False], [True]],
        [False],
    )


def test_rotations_are_a_mean_of_probabilities() -> None:
    turned = np.array([[[0.0]], [[3.0]]])
    unseen = Unseen(turned, np.array([[True]]), np.array([True]), np.array(["a"]))
    assert unseen.probabilities(1.0) == pytest.approx([expit(turned).mean()])

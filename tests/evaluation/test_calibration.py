"""Reliability and calibration error where both can be worked out by hand."""

import numpy as np
import pytest

from evaluation.calibration import ReliabilityBin, expected_calibration_error, reliability


def flags(*values: int) -> np.ndarray:
    return np.array(values, dtype=bool)


def test_bins_hold_what_they_say() -> None:
    bins = reliability(flags(0, 1, 1, 1), np.array([0.1, 0.15, 0.95, 1.0]))
    assert [(b.low, b.high, b.items) for b in bins] == [(0.1, 0.2, 2), (0.9, 1.0, 2)]
    assert [b.mean_probability for b in bins] == pytest.approx([0.125, 0.975])
    assert [b.share_positive for b in bins] == [0.5, 1.0]


@pytest.mark.parametrize(
    ("probability", "low"), [(0.0, 0.0), (0.0999, 0.0), (0.1, 0.1), (0.3, 0.3), (0.9, 0.9), (1.0, 0.9)]
)
def test_an_edge_belongs_to_the_bin_above(probability: float, low: float) -> None:
    (found,) = reliability(flags(1), np.array([probability]))
    assert found.low == pytest.approx(low)


def test_the_error_is_the_weighted_mean_of_the_gaps() -> None:
    bins = [ReliabilityBin(0.0, 0.1, 30, 0.05, 0.15), ReliabilityBin(0.9, 1.0, 10, 0.95, 0.55)]
    assert expected_calibration_error(bins) == pytest.approx((30 * 0.1 + 10 * 0.4) / 40)


@pytest.mark.parametrize(("probability", "error"), [(0.25, 0.0), (0.35, 0.1), (1.0, 0.75), (0.0, 0.25)])
def test_one_probability_for_all(probability: float, error: float) -> None:
    truth = flags(*[1, 0, 0, 0] * 25)
    assert expected_calibration_error(reliability(truth, np.full(100, probability))) == pytest.approx(error)


def test_positives_drawn_as_their_probability_says_are_calibrated() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.random(100_000)
    truth = rng.random(100_000) < probabilities
    assert (error := expected_calibration_error(reliability(truth, probabilities))) is not None
    assert error < 0.01
    assert (squared := expected_calibration_error(reliability(truth, probabilities**2))) is not None
    assert squared == pytest.approx(1 / 6, abs=0.01)  # the mean of p - p^2


def test_the_number_of_bins_is_a_choice() -> None:
    truth, probabilities = flags(1, 0), np.array([0.1, 0.9])
    assert expected_calibration_error(reliability(truth, probabilities, bins=1)) == pytest.approx(0)
    assert expected_calibration_error(reliability(truth, probabilities, bins=2)) == pytest.approx(0.9)


def test_without_items_there_is_no_error() -> None:
    assert reliability(flags(), np.array([])) == []
    assert expected_calibration_error([]) is None

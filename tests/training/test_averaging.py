"""Means of a network's weights: their shares by the published formulas, and how they move."""

import math

import pytest
import torch
from torch import nn

from training.averaging import ShareAt, exponential_share, hyperbolic_share, mean_of


@pytest.mark.parametrize("share", [1e-3, 5e-4, 2.5e-4])
def test_the_exponential_share_is_the_published_one(share: float) -> None:
    """mmdetection's ExpMomentumEMA: (1 - momentum) * exp(-(1 + steps) / gamma) + momentum, gamma 2000."""
    assert exponential_share(share, 0) == pytest.approx(1 - (1 - share) * (1 - math.exp(-1 / 2000)), rel=1e-12)
    assert exponential_share(share, 10_000) == pytest.approx(share + (1 - share) * math.exp(-5.0005), rel=1e-12)
    assert exponential_share(share, 10**6) == share


def test_the_exponential_share_in_numbers() -> None:
    assert [round(exponential_share(1e-3, steps), 5) for steps in (0, 2000, 10_000)] == [0.9995, 0.36833, 0.00773]


def test_the_hyperbolic_share_falls_to_its_end() -> None:
    assert [hyperbolic_share(0.1, steps) for steps in (0, 10, 90, 10_000)] == [1, 0.5, 0.1, 0.1]


@pytest.mark.parametrize("share_at", [hyperbolic_share, exponential_share])
def test_the_mean_takes_the_first_step_whole_and_the_next_by_their_shares(share_at: ShareAt) -> None:
    """Buffers too; whole numbers are the network's own."""
    model = nn.BatchNorm1d(1)
    mean = mean_of(model, 0.25, share_at)
    expected = 5.0
    for step, value in enumerate((5.0, 3.0, -2.0)):
        model.weight.data.fill_(value)
        model.running_mean.fill_(value)
        model.num_batches_tracked.fill_(7 + step)
        mean.update_parameters(model)
        if step > 0:
            expected += share_at(0.25, step) * (value - expected)
    torch.testing.assert_close(mean.module.weight.data, torch.tensor([expected]))
    torch.testing.assert_close(mean.module.running_mean, torch.tensor([expected]))
    assert mean.module.num_batches_tracked.item() == 9


@pytest.mark.parametrize("share_at", [hyperbolic_share, exponential_share])
def test_the_mean_moves_by_its_share_in_the_end(share_at: ShareAt) -> None:
    model = nn.BatchNorm1d(1)
    mean = mean_of(model, 0.25, share_at)
    mean.n_averaged.fill_(10**6)
    model.weight.data.fill_(3.0)
    mean.update_parameters(model)
    assert mean.module.weight.item() == 0.75 * 1 + 0.25 * 3

"""The exponential mean of a network's weights and buffers over the steps of its training."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

SLOWNESS = 2000
"""After how many steps `exponential_share` has come down to 1 / e of the way to its end: mmdetection's gamma."""

ShareAt = Callable[[float, int], float]
"""By how much a step moves the mean: of the share in the end and the number of the steps before."""


def mean_of(model: nn.Module, share: float, share_at: ShareAt) -> AveragedModel:
    """A copy of the network whose numbers each `update_parameters` moves towards the network's by the share.

    The first step is taken whole, and the next ones move it by more, down to the share, so that what the network began
    with is soon forgotten. Whole numbers, as the batches that batch normalisation counts, are the network's own.
    """
    return AveragedModel(model, multi_avg_fn=_moved_by(share, share_at), use_buffers=True)


def hyperbolic_share(share: float, steps: int) -> float:
    """10 / (10 + steps) down to the share, much as in TensorFlow's ExponentialMovingAverage (`num_updates`)."""
    return max(share, 10 / (10 + steps))


def exponential_share(share: float, steps: int) -> float:
    """(1 - share) exp(-(1 + steps) / 2000) + share, as in mmdetection's ExpMomentumEMA (mmdet/models/layers/ema.py).

    For ten thousand steps it moves the mean by far more than the hyperbolic one does, 0.37 against 0.005 after 2,000
    of them and with a share of 0.001, so neither stands for the other.
    """
    return (1 - share) * math.exp(-(1 + steps) / SLOWNESS) + share


def _moved_by(share: float, share_at: ShareAt) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    @torch.no_grad()
    def move(means: Sequence[Tensor], values: Sequence[Tensor], steps: Tensor | int) -> None:
        weight = share_at(share, int(steps))
        for mean, value in zip(means, values, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, weight)
            else:
                mean.copy_(value)

    return move

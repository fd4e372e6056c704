"""The exponential mean of a network's weights and buffers over the steps of its training."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def mean_of(model: nn.Module, share: float) -> AveragedModel:
    """A copy of the network whose numbers each `update_parameters` moves towards the network's by the share.

    The first step is taken whole, and the next ones move it by more, 10 / (10 + steps) down to the share, so that what
    the network began with is soon forgotten, much as in TensorFlow's ExponentialMovingAverage. Whole numbers, as the
    batches that batch normalisation counts, are the network's own.
    """
    return AveragedModel(model, multi_avg_fn=_moved_by(share), use_buffers=True)


def _moved_by(share: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    @torch.no_grad()
    def move(means: Sequence[Tensor], values: Sequence[Tensor], steps: Tensor | int) -> None:
        weight = max(share, 10 / (10 + int(steps)))
        for mean, value in zip(means, values, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, weight)
            else:
                mean.copy_(value)

    return move

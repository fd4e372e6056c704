"""Counting memory with tensors that have no data."""

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from training.models.memory import kept_for_gradient, peak_of_export

FLOATS, BYTES = 1000, 4


class Chain(nn.Module):
    """Keeps the exponential for the gradient, and holds at most two results at once."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.exp()
        x = x + 1
        x = x + 2
        return x[:1]


class Branches(nn.Module):
    """Three results are alive when the last but one is made."""

    def forward(self, x: Tensor) -> Tensor:
        first, second = x + 1, x + 2
        return (first + second)[:1]


def peak(model: nn.Module) -> int:
    with FakeTensorMode():
        return peak_of_export(model, torch.empty(FLOATS))


def test_what_is_not_needed_any_more_does_not_count() -> None:
    assert peak(Chain()) == 2 * FLOATS * BYTES


def test_what_is_alive_at_once_counts_together() -> None:
    assert peak(Branches()) == 3 * FLOATS * BYTES


def test_parameters_and_views_are_not_counted() -> None:
    with FakeTensorMode():
        layer = nn.Linear(FLOATS, 10, bias=False)
        images = torch.empty(5, FLOATS)
        assert peak_of_export(layer, images) == 5 * 10 * BYTES
        assert kept_for_gradient(layer, layer, images) == images.numel() * BYTES


def test_what_the_gradient_needs_is_kept_once() -> None:
    with FakeTensorMode():
        chain = Chain()
        assert kept_for_gradient(chain, chain, torch.empty(FLOATS, requires_grad=True)) == FLOATS * BYTES

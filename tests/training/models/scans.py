"""What the tests of every form of the selective scan share."""

from collections.abc import Callable

import torch
from torch import Tensor

Scan = Callable[..., Tensor]


def random_inputs(length: int, batch: int = 2, k: int = 3, channels: int = 5, n: int = 2) -> list[Tensor]:
    """u, delta, bias, A, B, C, D in float64."""
    rng = torch.Generator().manual_seed(length)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    return [
        normal(batch, length, channels),
        normal(batch, length, k, channels),
        normal(k, channels),
        -torch.exp(normal(k, n, channels)),
        normal(batch, length, k, n),
        normal(batch, length, k, n),
        normal(k, channels),
    ]


def orders_for(inputs: list[Tensor]) -> Tensor:
    """Directions that visit the places in any order, each in its own; the first from first to last."""
    _, length, k, _ = inputs[1].shape
    rng = torch.Generator().manual_seed(1)
    shuffled = [torch.randperm(length, generator=rng) for _ in range(k - 1)]
    return torch.stack([torch.arange(length), *shuffled])


def values_and_gradients(scan: Scan, inputs: list[Tensor], dtype: torch.dtype, device: str = "cpu") -> list[Tensor]:
    """y and the gradients of a random weighting of it, on the CPU."""
    leaves = [part.to(device, dtype).requires_grad_() for part in inputs]
    y = scan(*leaves, orders_for(inputs).to(device))
    cotangent = torch.randn(y.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    gradients = torch.autograd.grad((y * cotangent.to(y)).sum(), leaves, materialize_grads=True)
    return [part.detach().cpu() for part in (y, *gradients)]


def assert_close(found: list[Tensor], expected: list[Tensor]) -> None:
    """To 1e-4 of the largest number of each; NaN is close to nothing."""
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() <= 1e-4 * other.abs().max() + 1e-7

"""The selective scan on a GPU by mamba_ssm's compiled kernel, where that package is installed."""

import functools
from collections.abc import Callable

import torch
from torch import Tensor


def available() -> bool:
    """Whether mamba_ssm can be imported, with the kernel that it was built with."""
    return _kernel() is not None


@functools.cache
def _kernel() -> Callable[..., Tensor] | None:
    try:
        from mamba_ssm.ops.selective_scan_interface import selective_scan_fn
    except ImportError:
        return None
    return selective_scan_fn


def selective_scan_mamba(
    u: Tensor, delta: Tensor, bias: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, orders: Tensor
) -> Tensor:
    """The scan of float32 tensors on a GPU; meaning and shapes as in `selective_scan.py`.

    mamba_ssm knows one direction, with time last, and groups of channels that share B and C: the directions become K
    groups, u and delta (batch, K * channels, L), B and C (batch, K, N, L). The kernel sums gradients in no fixed order.

    Source: `selective_scan_fn` of state-spaces/mamba, mamba_ssm/ops/selective_scan_interface.py.
    """
    u_of_each = u.unsqueeze(2).expand(-1, -1, len(orders), -1)
    signal, delta, B, C = (_time_last(part, orders) for part in (u_of_each, delta, B, C))
    kernel = _kernel()
    assert kernel is not None, "mamba_ssm cannot be imported"
    A = A.transpose(1, 2).flatten(0, 1).contiguous()
    by_channel = signal.flatten(1, 2), delta.flatten(1, 2), A, B, C, D.flatten()
    y = kernel(*by_channel, delta_bias=bias.flatten(), delta_softplus=True).unflatten(1, (len(orders), -1))
    directions = zip(y.unbind(1), torch.argsort(orders).unbind(), strict=True)
    return torch.stack([own.index_select(2, visits) for own, visits in directions]).sum(0).transpose(1, 2)


def _time_last(part: Tensor, orders: Tensor) -> Tensor:
    """(batch, L, K, ...) by place to (batch, K, ..., L) by step."""
    directions = zip(part.unbind(2), orders.unbind(), strict=True)
    return torch.stack([own.index_select(1, order).transpose(1, 2) for own, order in directions], dim=1)

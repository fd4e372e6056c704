"""The selective scan of Mamba: a linear recurrence whose coefficients depend on the input.

Source: Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", section 3; used in four
directions by VM-UNet (Ruan and Xiang, 2024). Every form here computes the same thing:

    h_t = exp(delta_t * A) * h_{t-1} + delta_t * B_t * u_t        h_0 = 0
    y_t = <C_t, h_t> + D * u_t
"""

from math import isqrt

import torch
from torch import Tensor


def selective_scan_reference(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """The definition, one step after the other: slow, exact in float64, and what every other form is tested against.

    u, delta: (batch, K, channels, L), delta positive; A: (K, channels, N), negative; B, C: (batch, K, N, L);
    D: (K, channels). Returns y: (batch, K, channels, L).
    """
    state = torch.zeros(*u.shape[:3], A.shape[-1], dtype=u.dtype, device=u.device)
    steps = []
    for t in range(u.shape[-1]):
        step = delta[..., t, None]
        state = torch.exp(step * A) * state + step * B[..., None, :, t] * u[..., t, None]
        steps.append((state * C[..., None, :, t]).sum(-1))
    return torch.stack(steps, dim=-1) + D[..., None] * u


def selective_scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """The same scan in few, wide steps; shapes as in `selective_scan_reference`.

    The sequence is cut into about sqrt(L) chunks that advance side by side, so that L steps become about 2 sqrt(L).
    Plain tensor operations with static loops: it trains in eager mode and exports to ONNX with a dynamic batch.
    """
    chunks = _chunk_count(u.shape[-1])
    u_, delta_ = _time_first(u, chunks), _time_first(delta, chunks)
    B_, C_ = _time_first(B, chunks), _time_first(C, chunks)
    decay = torch.exp(delta_[..., None, :] * A.transpose(1, 2))
    inflow = (delta_ * u_)[..., None, :] * B_[..., None]
    states = linear_recurrence(decay, inflow)
    y = (states * C_[..., None]).sum(-2)
    return _time_last(y) + D[..., None] * u


def linear_recurrence(decay: Tensor, inflow: Tensor) -> Tensor:
    """h_t = decay_t * h_{t-1} + inflow_t from h = 0, over a sequence cut into chunks.

    decay, inflow and the result: (steps, chunks, ...); time runs through the steps of a chunk, then to the next chunk.
    """
    if torch.onnx.is_in_onnx_export() or torch.compiler.is_exporting():
        return _recurrence(decay, inflow)
    return _LinearRecurrence.apply(decay, inflow)


class _LinearRecurrence(torch.autograd.Function):
    """Its gradient is the same recurrence run backwards, which spares autograd a graph of 2 sqrt(L) steps."""

    @staticmethod
    def forward(ctx, decay: Tensor, inflow: Tensor) -> Tensor:
        states = _recurrence(decay, inflow)
        ctx.save_for_backward(decay, states)
        return states

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor]:
        decay, states = ctx.saved_tensors
        inflow_gradient = _recurrence(_later(decay).flip(0, 1), gradient.flip(0, 1)).flip(0, 1)
        return inflow_gradient * _earlier(states), inflow_gradient


def _recurrence(decay: Tensor, inflow: Tensor) -> Tensor:
    state, product = inflow[0], decay[0]
    states, products = [state], [product]
    for step in range(1, decay.shape[0]):
        state = decay[step] * state + inflow[step]
        product = decay[step] * product
        states.append(state)
        products.append(product)
    carry = torch.zeros_like(state[0])
    carries = [carry]
    for chunk in range(decay.shape[1] - 1):
        carry = product[chunk] * carry + state[chunk]
        carries.append(carry)
    return torch.stack(states) + torch.stack(products) * torch.stack(carries)


def _earlier(sequence: Tensor) -> Tensor:
    """The chunked sequence delayed by one step, zero first: what stands at t - 1."""
    first = torch.cat([torch.zeros_like(sequence[-1:, :1]), sequence[-1:, :-1]], dim=1)
    return torch.cat([first, sequence[:-1]], dim=0)


def _later(sequence: Tensor) -> Tensor:
    """The chunked sequence advanced by one step, zero last: what stands at t + 1."""
    last = torch.cat([sequence[:1, 1:], torch.zeros_like(sequence[:1, :1])], dim=1)
    return torch.cat([sequence[1:], last], dim=0)


def _chunk_count(length: int) -> int:
    """The divisor of the length that is nearest to its square root from below: chunks of equal size, no padding."""
    return next(n for n in range(isqrt(length), 0, -1) if length % n == 0)


def _time_first(sequence: Tensor, chunks: int) -> Tensor:
    """(batch, K, channels, L) to (steps, chunks, batch, K, channels)."""
    return sequence.unflatten(-1, (chunks, -1)).permute(4, 3, 0, 1, 2).contiguous()


def _time_last(sequence: Tensor) -> Tensor:
    """(steps, chunks, batch, K, channels) to (batch, K, channels, L)."""
    return sequence.permute(2, 3, 4, 1, 0).flatten(-2)

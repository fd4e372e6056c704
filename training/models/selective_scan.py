"""The selective scan of Mamba: a linear recurrence whose coefficients depend on the input.

Source: Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", section 3; VM-UNet runs it over
the L places of a map in K = 4 directions and adds these up. Every form of it here computes the same thing. Direction k
visits the places in the order orders[k]; with p the place that it visits in step t:

    delta_t = softplus(delta[p, k] + bias[k])
    h_t = exp(delta_t * A[k]) * h_{t-1} + delta_t * B[p, k] * u[p]        h_0 = 0
    y[p] = sum over k of <C[p, k], h_t> + D[k] * u[p]

Shapes: u and y (batch, L, channels); delta (batch, L, K, channels); bias and D (K, channels); A (K, N, channels),
negative; B and C (batch, L, K, N), shared by the channels of a direction; orders (K, L) int64.
"""

import functools
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import softplus

from training.models import selective_scan_mamba, selective_scan_native, selective_scan_triton

CHUNK_STEPS = 16
STATES_AT_ONCE = 2**25
"""Of one tile; in float32 128 MiB, and some five tensors of that size are alive at once."""


def selective_scan(
    u: Tensor, delta: Tensor, bias: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, orders: Tensor
) -> Tensor:
    """The scan in the fastest form at hand; the result has the type to which the inputs promote.

    Whatever the form, it computes in float32 what comes in half precision, as autocast hands it over: a state is a
    product of as many decays as there are places. float64 is kept.
    """
    parts = u, delta, bias, A, B, C, D
    dtype = functools.reduce(torch.promote_types, (part.dtype for part in parts))
    inside = torch.promote_types(dtype, torch.float32)
    return fastest_form(u.to(inside))(*(part.to(inside) for part in parts), orders).to(dtype)


def fastest_form(u: Tensor) -> Callable[..., Tensor]:
    """Kernels on a GPU (mamba_ssm's, else the project's own), compiled code on a CPU; else, and for export, chunks.

    u is float32 or float64; only chunks take float64.
    """
    if torch.compiler.is_exporting() or u.dtype == torch.float64:
        return selective_scan_chunked
    if u.device.type == "cuda" and selective_scan_mamba.available():
        return selective_scan_mamba.selective_scan_mamba
    if u.device.type == "cuda" and selective_scan_triton.available():
        return selective_scan_triton.selective_scan_triton
    if u.device.type == "cpu" and selective_scan_native.available():
        return selective_scan_native.selective_scan_native
    return selective_scan_chunked


def selective_scan_reference(
    u: Tensor, delta: Tensor, bias: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, orders: Tensor
) -> Tensor:
    """The definition, one step after the other: slow, and what every other form is tested against in float64."""
    y = D.sum(0) * u
    for k, order in enumerate(orders.tolist()):
        state = torch.zeros_like(u[:, 0, None] * A[k])
        at_place = dict.fromkeys(range(len(order)), u[:, 0])
        for place in order:
            step = softplus(delta[:, place, k, None] + bias[k])
            state = torch.exp(step * A[k]) * state + step * B[:, place, k, :, None] * u[:, place, None]
            at_place[place] = (state * C[:, place, k, :, None]).sum(1)
        y = y + torch.stack(list(at_place.values()), dim=1)
    return y


def selective_scan_chunked(
    u: Tensor, delta: Tensor, bias: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, orders: Tensor
) -> Tensor:
    """The scan in few, wide steps: chunks of a sequence advance side by side.

    Plain tensor operations and loops of fixed length, so it runs on every device and exports to ONNX with a dynamic
    batch. Channels do not mix, and so many are taken at a time that memory is bounded: at its published size VM-UNet
    has two hundred million states a tile.
    """
    directions, state_size, _ = A.shape
    at_once = max(1, STATES_AT_ONCE // (u.shape[1] * directions * state_size))
    of_channels = (part.split(at_once, dim=-1) for part in (u, delta, bias, A, D))
    parts = [
        _scan_in_chunks(u_, delta_, bias_, A_, B, C, D_, orders)
        for u_, delta_, bias_, A_, D_ in zip(*of_channels, strict=True)
    ]
    return torch.cat(parts, dim=-1)


def _scan_in_chunks(
    u: Tensor, delta: Tensor, bias: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, orders: Tensor
) -> Tensor:
    """All directions, channels and states at once, from the inputs by place to y by place."""
    length = u.shape[1]
    delta_, B_, C_ = (_as_visited(part, orders) for part in (_softplus(delta + bias), B, C))
    u_ = u.index_select(1, orders.T.flatten()).unflatten(1, (length, -1)).transpose(0, 1)
    states = linear_recurrence(delta_, A, (delta_ * u_)[..., None, :] * B_[..., None])
    y = (states * C_[..., None]).sum(-2)
    return _reordered(y.transpose(0, 1), torch.argsort(orders)).sum(2) + D.sum(0) * u


def _softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)), of operations that ONNX Runtime computes several at a time, as it does not its own."""
    return x.relu() + torch.log(1 + torch.exp(-x.abs()))


def _as_visited(part: Tensor, orders: Tensor) -> Tensor:
    """(batch, L, K, ...) by place to (L, batch, K, ...) by step: time first."""
    return _reordered(part, orders).transpose(0, 1)


def _reordered(part: Tensor, orders: Tensor) -> Tensor:
    """(batch, L, K, ...), along L in each direction's own order."""
    length, directions = part.shape[1:3]
    places = orders.T * directions + torch.arange(directions, device=orders.device)
    return part.flatten(1, 2).index_select(1, places.flatten()).unflatten(1, (length, directions))


def linear_recurrence(steps: Tensor, A: Tensor, inflow: Tensor) -> Tensor:
    """h_t = exp(steps_t * A) * h_{t-1} + inflow_t from h = 0.

    steps (L, batch, K, channels); A (K, N, channels); inflow and the result (L, batch, K, N, channels). Chunks of some
    16 steps first run as if each began at zero. Their ends are a recurrence again, shorter by the length of a chunk and
    with the sums of their steps; its states are what the chunks receive, and decay in them. L steps become about
    16 log_16(L), each over all chunks.
    """
    length = len(steps)
    chunk = _chunk_length(length)
    steps_, inflow_ = (part.unflatten(0, (length // chunk, chunk)) for part in (steps, inflow))
    from_zero = _from_zero(steps_, A, inflow_)
    if chunk == length:
        return from_zero.flatten(0, 1)
    so_far = steps_.cumsum(1)
    ends = linear_recurrence(so_far[:, -1], A, from_zero[:, -1])
    received = torch.cat([torch.zeros_like(ends[:1]), ends[:-1]]).unsqueeze(1)
    return (from_zero + torch.exp(so_far[..., None, :] * A) * received).flatten(0, 1)


def _from_zero(steps: Tensor, A: Tensor, inflow: Tensor) -> Tensor:
    """The states of chunks (chunks, L of each, ...) that all begin at zero, step by step."""
    decays = torch.exp(steps[..., None, :] * A).split(1, dim=1)
    states: list[Tensor] = []
    for decay, flow in zip(decays, inflow.split(1, dim=1), strict=True):
        states.append(decay * states[-1] + flow if states else flow)
    return torch.cat(states, dim=1)


def _chunk_length(length: int) -> int:
    """The largest divisor of the length up to 16, so that nothing is padded; all of it where there is none."""
    divisors = [steps for steps in range(2, CHUNK_STEPS + 1) if length % steps == 0]
    return divisors[-1] if divisors else length

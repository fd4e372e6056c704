"""The selective scan of Mamba: a linear recurrence whose coefficients depend on the input.

Source: Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", section 3; VM-UNet runs it in
K = 4 directions over an image. Every form of it here computes the same thing:

    delta_t = softplus(delta_t + bias)
    h_t = exp(delta_t * A) * h_{t-1} + delta_t * B_t * u_t        h_0 = 0
    y_t = <C_t, h_t> + D * u_t

Shapes: u, delta and y (batch, K, L, channels); bias and D (K, channels); A (K, N, channels), negative; B and C
(batch, K, L, N), shared by the channels of a direction.
"""

from math import isqrt

import torch
from torch import Tensor
from torch.nn.functional import softplus

from training.models import selective_scan_native


def selective_scan(u: Tensor, delta: Tensor, bias: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """The scan in the fastest form at hand: compiled on a CPU, else, and for export, in chunks."""
    eager_on_cpu = u.device.type == "cpu" and u.dtype == torch.float32 and not torch.compiler.is_exporting()
    if eager_on_cpu and selective_scan_native.available():
        return selective_scan_native.selective_scan_native(u, delta, bias, A, B, C, D)
    return selective_scan_chunked(u, delta, bias, A, B, C, D)


def selective_scan_reference(
    u: Tensor, delta: Tensor, bias: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor
) -> Tensor:
    """The definition, one step after the other: slow, and what every other form is tested against in float64."""
    delta = softplus(delta + bias[:, None])
    state = torch.zeros_like(u[:, :, 0, None] * A)
    steps = []
    for t in range(u.shape[2]):
        step = delta[:, :, t, None]
        state = torch.exp(step * A) * state + step * B[:, :, t, :, None] * u[:, :, t, None]
        steps.append((state * C[:, :, t, :, None]).sum(2))
    return torch.stack(steps, dim=2) + D[:, None] * u


def selective_scan_chunked(
    u: Tensor, delta: Tensor, bias: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor
) -> Tensor:
    """The scan in few, wide steps: about sqrt(L) chunks advance side by side, so that L steps become 2 sqrt(L).

    Plain tensor operations and loops of fixed length, so it runs on every device and exports to ONNX with a dynamic
    batch.
    """
    delta = softplus(delta + bias[:, None])
    u_, delta_, B_, C_ = (_time_first(part, _chunk_count(u.shape[2])) for part in (u, delta, B, C))
    decay = torch.exp(delta_[..., None, :] * A)
    inflow = (delta_ * u_)[..., None, :] * B_[..., None]
    states = _linear_recurrence(decay, inflow)
    y = (states * C_[..., None]).sum(-2)
    return y.permute(2, 3, 1, 0, 4).flatten(2, 3) + D[:, None] * u


def _chunk_count(length: int) -> int:
    """The divisor of the length next below its square root: chunks of equal size, so nothing is padded."""
    return next(count for count in range(isqrt(length), 0, -1) if length % count == 0)


def _time_first(sequence: Tensor, chunks: int) -> Tensor:
    """(batch, K, L, channels) to (steps, chunks, batch, K, channels)."""
    return sequence.unflatten(2, (chunks, sequence.shape[2] // chunks)).permute(3, 2, 0, 1, 4).contiguous()


def _linear_recurrence(decay: Tensor, inflow: Tensor) -> Tensor:
    """h_t = decay_t * h_{t-1} + inflow_t from h = 0.

    decay, inflow and h: (steps, chunks, ...); time runs through the steps of a chunk, then to the next chunk. Chunks
    first run as if each began at zero; then each receives what the chunk before it hands on.
    """
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

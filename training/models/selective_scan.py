"""The selective scan of Mamba: a linear recurrence whose coefficients depend on the input.

Source: Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", section 3; VM-UNet runs it in
K = 4 directions over an image. Every form of it here computes the same thing:

    delta_t = softplus(delta_t + bias)
    h_t = exp(delta_t * A) * h_{t-1} + delta_t * B_t * u_t        h_0 = 0
    y_t = <C_t, h_t> + D * u_t

Shapes: u, delta and y (batch, K, L, channels); bias and D (K, channels); A (K, N, channels), negative; B and C
(batch, K, L, N), shared by the channels of a direction.
"""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from training.models import selective_scan_native

CHUNK_STEPS = 16


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
    """The scan in few, wide steps: chunks of a sequence advance side by side.

    Plain tensor operations and loops of fixed length, so it runs on every device and exports to ONNX with a dynamic
    batch.
    """
    delta = softplus(delta + bias[:, None])
    u_, delta_, B_, C_ = (part.permute(2, 0, 1, 3) for part in (u, delta, B, C))  # time first
    decay = torch.exp(delta_[..., None, :] * A)
    inflow = (delta_ * u_)[..., None, :] * B_[..., None]
    states = linear_recurrence(decay, inflow)
    y = (states * C_[..., None]).sum(-2)
    return y.permute(1, 2, 0, 3) + D[:, None] * u


def linear_recurrence(decay: Tensor, inflow: Tensor) -> Tensor:
    """h_t = decay_t * h_{t-1} + inflow_t from h = 0, all (L, ...).

    Chunks of some 16 steps first run as if each began at zero. Their ends are a recurrence again, shorter by the length
    of a chunk; its states are what the chunks receive. L steps become about 16 log_16(L), each over all chunks.
    """
    length = decay.shape[0]
    steps = _chunk_length(length)
    factors, inflows = (part.unflatten(0, (length // steps, steps)).split(1, dim=1) for part in (decay, inflow))
    states, products = [inflows[0]], [factors[0]]
    for factor, added in zip(factors[1:], inflows[1:], strict=True):
        states.append(factor * states[-1] + added)
        products.append(factor * products[-1])
    if steps == length:
        return torch.cat(states, dim=1).flatten(0, 1)
    ends = linear_recurrence(products[-1].flatten(0, 1), states[-1].flatten(0, 1))
    received = torch.cat([torch.zeros_like(ends[:1]), ends[:-1]]).unsqueeze(1)
    return (torch.cat(states, dim=1) + torch.cat(products, dim=1) * received).flatten(0, 1)


def _chunk_length(length: int) -> int:
    """The largest divisor of the length up to 16, so that nothing is padded; all of it where there is none."""
    divisors = [steps for steps in range(2, CHUNK_STEPS + 1) if length % steps == 0]
    return divisors[-1] if divisors else length

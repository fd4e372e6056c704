"""The selective scan on a GPU by the project's own kernels (selective_scan_kernels.py), which nobody has to build.

Triton compiles them at their first use; a CUDA build of torch brings it along on Linux.
"""

import functools
import importlib.util
import os
import shutil
import sysconfig
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

STEPS = 16  # whose states a program going backward holds at once; the states before each so many are kept for it
CHANNELS = 32  # that a program does at most
NUMBERS = 256  # of the (N, channels) state in a program: 8 in each thread of its warp


@functools.cache
def available() -> bool:
    """Whether Triton is at hand, and what it needs to start a kernel: a C compiler and Python's headers."""
    compilers = [os.environ["CC"]] if "CC" in os.environ else ["gcc", "clang"]
    header = Path(sysconfig.get_path("include", "posix_prefix")) / "Python.h"
    return importlib.util.find_spec("triton") is not None and any(map(shutil.which, compilers)) and header.exists()


def selective_scan_triton(
    u: Tensor, delta: Tensor, bias: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, orders: Tensor
) -> Tensor:
    """The scan of float32 tensors on a GPU; meaning and shapes as in `selective_scan.py`."""
    return _TritonScan.apply(orders.contiguous(), *(part.contiguous() for part in (u, delta, bias, A, B, C, D)))


class _TritonScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, orders: Tensor, *inputs: Tensor) -> Tensor:
        _, delta, _, A, *_ = inputs
        batch, length, directions, _ = delta.shape
        starts = delta.new_empty(batch, directions, -(-length // STEPS), *A.shape[1:])
        y = torch.empty_like(delta)  # by direction
        _launch("scan_forward", delta, A, orders, *inputs, starts, y)
        ctx.save_for_backward(orders, starts, *inputs)
        return y.sum(2)

    @staticmethod
    def backward(ctx: Any, y_gradient: Tensor) -> tuple[Tensor | None, ...]:
        orders, starts, *inputs = ctx.saved_tensors
        _, delta, bias, A, B, C, D = inputs
        u_gradient, delta_gradient = torch.empty_like(delta), torch.empty_like(delta)  # of u by direction
        bias_gradient, A_gradient, D_gradient = (delta.new_empty(len(delta), *part.shape) for part in (bias, A, D))
        blocks = -(-delta.shape[3] // _block(A))
        B_gradient, C_gradient = (delta.new_empty(blocks, *part.shape) for part in (B, C))
        gradients = u_gradient, delta_gradient, bias_gradient, A_gradient, B_gradient, C_gradient, D_gradient
        _launch("scan_backward", delta, A, orders, *inputs, y_gradient.contiguous(), starts, *gradients)
        by_map_or_block = (part.sum(0) for part in gradients[2:])
        return None, u_gradient.sum(2), delta_gradient, *by_map_or_block


def _launch(name: str, delta: Tensor, A: Tensor, *tensors: Tensor) -> None:
    """Runs a kernel on the tensors: one program for each block of channels, direction and map of the batch."""
    # Imported here, so that this module can be where Triton is not.
    from training.models import selective_scan_kernels

    batch, length, directions, channels = delta.shape
    n, block = A.shape[1], _block(A)
    grid = -(-channels // block), directions, batch
    with torch.cuda.device_of(delta):
        kernel = getattr(selective_scan_kernels, name)[grid]
        kernel(*tensors, length, channels, directions, n, STEPS, _states(A), block, num_warps=1)


def _states(A: Tensor) -> int:
    """N, or the next power of two."""
    return 1 << (A.shape[1] - 1).bit_length()


def _block(A: Tensor) -> int:
    """How many channels a program does."""
    return min(CHANNELS, max(8, NUMBERS // _states(A)))

"""The selective scan compiled for the CPU at hand (selective_scan.c), several times faster than tensor operations.

It is built once with the system's C compiler and kept in the user's cache. Where there is no compiler, `available()`
is False and the chunked form does the work.
"""

import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

SOURCE = Path(__file__).with_name("selective_scan.c")
SEGMENT = 64  # as in the source
FLAGS = ["-O3", "-march=native", "-ffast-math", "-fPIC"]


def available() -> bool:
    """Whether a compiled scan is at hand."""
    return _library() is not None


def selective_scan_native(u: Tensor, delta: Tensor, bias: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """The scan of float32 tensors on the CPU; meaning and shapes as in `selective_scan.py`."""
    return _NativeScan.apply(*(part.contiguous() for part in (u, delta, bias, A, B, C, D)))


class _NativeScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Tensor) -> Tensor:
        u, _, _, A, *_ = inputs
        y = torch.empty_like(u)

        def scan(batch: int, direction: int) -> None:
            scratch = torch.empty(A.shape[1] + 1, A.shape[2])
            _call("scan_forward", A, *_of_sequence(inputs, batch, direction), scratch, y[batch, direction])

        _in_threads(scan, u)
        ctx.save_for_backward(*inputs)
        return y

    @staticmethod
    def backward(ctx: Any, y_gradient: Tensor) -> tuple[Tensor, ...]:
        inputs = ctx.saved_tensors
        y_gradient = y_gradient.contiguous()
        u, delta, bias, A, B, C, D = inputs
        batches, segments = u.shape[0], -(-u.shape[2] // SEGMENT)
        # bias, A and D serve the whole batch: each sequence adds to its own copy, so that threads do not meet
        bias_gradient, A_gradient, D_gradient = (torch.zeros(batches, *part.shape) for part in (bias, A, D))
        u_gradient, delta_gradient, B_gradient, C_gradient = (torch.empty_like(part) for part in (u, delta, B, C))
        gradients = u_gradient, delta_gradient, bias_gradient, A_gradient, B_gradient, C_gradient, D_gradient

        def scan(batch: int, direction: int) -> None:
            at = (batch, direction)
            scratch = torch.empty((segments + 2 * SEGMENT + 2) * A.shape[1] + SEGMENT + 1, A.shape[2])
            own_gradients = (part[at] for part in gradients)
            _call("scan_backward", A, *_of_sequence(inputs, *at), y_gradient[at], scratch, *own_gradients)

        _in_threads(scan, u)
        summed = bias_gradient.sum(0), A_gradient.sum(0), B_gradient, C_gradient, D_gradient.sum(0)
        return u_gradient, delta_gradient, *summed


def _of_sequence(inputs: tuple[Tensor, ...], batch: int, direction: int) -> list[Tensor]:
    """What belongs to one sequence: u, delta, B and C have a batch, bias, A and D a direction alone."""
    u, delta, bias, A, B, C, D = inputs
    at = (batch, direction)
    return [u[at], delta[at], bias[direction], A[direction], B[at], C[at], D[direction]]


def _call(name: str, A: Tensor, *parts: Tensor) -> None:
    """Calls the compiled function with length, channels, N and the tensors' data."""
    sizes = (ctypes.c_long(size) for size in (parts[0].shape[0], A.shape[2], A.shape[1]))
    getattr(_library(), name)(*sizes, *(ctypes.c_void_p(part.data_ptr()) for part in parts))


def _in_threads(scan: Callable[[int, int], None], u: Tensor) -> None:
    """Calls scan(batch, direction) for all sequences; the compiled code runs outside Python's lock."""
    sequences = [(batch, direction) for batch in range(u.shape[0]) for direction in range(u.shape[1])]
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for _ in pool.map(lambda at: scan(*at), sequences):
            pass


@functools.cache
def _library() -> ctypes.CDLL | None:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        return None
    key = hashlib.sha256(SOURCE.read_bytes() + " ".join([compiler, *FLAGS]).encode() + _processor()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "anaphase"
    target = cache / f"selective_scan-{key}.so"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            compiled, linked = Path(folder) / "scan.o", Path(folder) / "scan.so"
            # Linked without -ffast-math, which would make the whole process flush denormals to zero.
            compile_and_link = [
                [compiler, *FLAGS, "-c", "-o", str(compiled), str(SOURCE)],
                [compiler, "-shared", "-o", str(linked), str(compiled), "-lm"],
            ]
            if any(subprocess.run(command, capture_output=True).returncode for command in compile_and_link):
                return None
            linked.replace(target)
    return ctypes.CDLL(str(target))


def _processor() -> bytes:
    """What tells processors apart, since the code is built for the one at hand."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return b""
    return next((line for line in info.read_bytes().splitlines() if line.startswith(b"flags")), b"")

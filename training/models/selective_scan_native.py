"""The selective scan compiled for the CPU at hand (selective_scan.c), several times faster than tensor operations.

It is built once with the system's C compiler and kept in the user's cache. Where there is no compiler, `available()`
is False and the chunked form does the work.
"""

import ctypes
import functools
import hashlib
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

log = logging.getLogger(__name__)
SOURCE = Path(__file__).with_name("selective_scan.c")
SEGMENT = 64  # steps whose states are held at once going backward
FLAGS = ["-O3", "-march=native", "-ffast-math", "-fPIC", f"-DSEGMENT={SEGMENT}"]


def available() -> bool:
    """Whether a compiled scan is at hand."""
    return _library() is not None


def selective_scan_native(
    u: Tensor, delta: Tensor, bias: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, orders: Tensor
) -> Tensor:
    """The scan of float32 tensors on the CPU; meaning and shapes as in `selective_scan.py`."""
    return _NativeScan.apply(orders.contiguous(), *(part.contiguous() for part in (u, delta, bias, A, B, C, D)))


class _NativeScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, orders: Tensor, *inputs: Tensor) -> Tensor:
        u, _, _, A, *_ = inputs
        y = torch.empty_like(u)
        starts = torch.empty(len(u), len(orders), -(-u.shape[1] // SEGMENT), *A.shape[1:])

        def scan(number: int) -> None:
            scratch = torch.empty(A.shape[1] + 1, A.shape[2])
            _call("scan_forward", A, orders, *_of_map(inputs, number), scratch, starts[number], y[number])

        _in_threads(scan, len(u))
        ctx.save_for_backward(orders, starts, *inputs)
        return y

    @staticmethod
    def backward(ctx: Any, y_gradient: Tensor) -> tuple[Tensor | None, ...]:
        orders, starts, *inputs = ctx.saved_tensors
        y_gradient = y_gradient.contiguous()
        u, delta, bias, A, B, C, D = inputs
        # bias, A and D serve the whole batch: each map adds to its own copy, so that threads do not meet
        bias_gradient, A_gradient, D_gradient = (torch.zeros(len(u), *part.shape) for part in (bias, A, D))
        delta_gradient, B_gradient, C_gradient = (torch.empty_like(part) for part in (delta, B, C))
        u_gradient = torch.zeros_like(u)
        gradients = u_gradient, delta_gradient, bias_gradient, A_gradient, B_gradient, C_gradient, D_gradient

        def scan(number: int) -> None:
            scratch = torch.empty((2 * SEGMENT + 2) * A.shape[1] + SEGMENT + 1, A.shape[2])
            own = (part[number] for part in gradients)
            given = *_of_map(inputs, number), y_gradient[number], starts[number]
            _call("scan_backward", A, orders, *given, scratch, *own)

        _in_threads(scan, len(u))
        summed = bias_gradient.sum(0), A_gradient.sum(0), B_gradient, C_gradient, D_gradient.sum(0)
        return None, u_gradient, delta_gradient, *summed


def _of_map(inputs: Sequence[Tensor], number: int) -> list[Tensor]:
    """What belongs to one map of the batch: bias, A and D are every map's."""
    u, delta, bias, A, B, C, D = inputs
    return [u[number], delta[number], bias, A, B[number], C[number], D]


def _call(name: str, A: Tensor, orders: Tensor, *parts: Tensor) -> None:
    """Calls the compiled function with length, channels, N, the number of directions and the tensors' data."""
    sizes = (ctypes.c_long(size) for size in (orders.shape[1], A.shape[2], A.shape[1], A.shape[0]))
    getattr(_library(), name)(*sizes, *(ctypes.c_void_p(part.data_ptr()) for part in (orders, *parts)))


def _in_threads(scan: Callable[[int], None], maps: int) -> None:
    """Calls scan(number) for each map of the batch; the compiled code runs outside Python's lock."""
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for _ in pool.map(scan, range(maps)):
            pass


@functools.cache
def _library() -> ctypes.CDLL | None:
    """None where there is no compiler, or, with a warning, no place that code can be kept in and loaded from."""
    try:
        return _loaded()
    except OSError as error:
        log.warning("The selective scan runs slower, since its compiled form cannot be kept or loaded: %s.", error)
        return None


def _loaded() -> ctypes.CDLL | None:
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

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
FLAGS = ["-O3", "-march=native", "-ffast-math", "-fPIC"]


def available() -> bool:
    """Whether a compiled scan is at hand."""
    return _library() is not None


def selective_scan_native(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """The scan without its skip term D * u; float32 on the CPU; shapes as in `selective_scan.py`."""
    return _NativeScan.apply(*(part.contiguous() for part in (u, delta, A, B, C)))


class _NativeScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
        y = torch.empty_like(u)

        def scan(batch: int, direction: int) -> None:
            state = torch.empty_like(A[0])
            at = (batch, direction)
            _call("scan_forward", u, A, u[at], delta[at], A[direction], B[at], C[at], state, y[at])

        _in_threads(scan, u)
        ctx.save_for_backward(u, delta, A, B, C)
        return y

    @staticmethod
    def backward(ctx: Any, y_gradient: Tensor) -> tuple[Tensor, ...]:
        u, delta, A, B, C = ctx.saved_tensors
        y_gradient = y_gradient.contiguous()
        length, channels, n = u.shape[2], u.shape[3], A.shape[1]
        gradients = [torch.empty_like(part) for part in (u, delta, B, C)]
        A_gradient = torch.zeros(u.shape[0], *A.shape)

        def scan(batch: int, direction: int) -> None:
            at = (batch, direction)
            states, decays, flow = (
                torch.empty(length, n, channels),
                torch.empty(length, n, channels),
                torch.empty(n, channels),
            )
            gu, gd, gb, gc = (part[at] for part in gradients)
            inputs = (u[at], delta[at], A[direction], B[at], C[at], y_gradient[at])
            _call("scan_backward", u, A, *inputs, states, decays, flow, gu, gd, A_gradient[at], gb, gc)

        _in_threads(scan, u)
        return gradients[0], gradients[1], A_gradient.sum(0), gradients[2], gradients[3]


def _call(name: str, u: Tensor, A: Tensor, *parts: Tensor) -> None:
    sizes = (ctypes.c_long(size) for size in (u.shape[2], u.shape[3], A.shape[1]))
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

"""ONNX Runtime: the sessions of an ensemble on a device, from tiles to maps of probability."""

import importlib
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from algorithm.bundle import Bundle
from algorithm.errors import AlgorithmError, BundleError
from algorithm.manifest import Device, InputSettings, Manifest, Member

Session = Any  # onnxruntime.InferenceSession: the library has no types and may be absent
DeviceOption = Literal["auto", "cpu", "cuda"]

INPUT_NAME = "image"
CPU_PROVIDER = "CPUExecutionProvider"
CUDA_PROVIDER = "CUDAExecutionProvider"
PROVIDERS = {
    "cpu": [CPU_PROVIDER],
    "cuda": [(CUDA_PROVIDER, {"use_tf32": "0"}), CPU_PROVIDER],  # TF32 would move scores in their third digit
}

PIXELS_AT_ONCE = {"cpu": 2**18, "cuda": 2**19}
"""Of the tiles in a batch. On a GPU memory grows with them; a CPU takes a batch tile by tile, whatever its size."""

log = logging.getLogger(__name__)


class Ensemble:
    """The members of a bundle, ready to run on one device; `device` is what their sessions say they use.

    batch_size: how many tiles to hand over at a time.
    device: "cuda" raises AlgorithmError where CUDA cannot be used; "auto" then says so in the log and takes the CPU.
    threads: on the CPU, by default as many as there are cores. Each runs one member on one tile at a time, which is
    faster than all of them on one, and holds no more memory.
    Raises BundleError for a file that is no ONNX graph, or a graph whose input or output is not the manifest's, and
    AlgorithmError where ONNX Runtime is not installed.
    """

    def __init__(self, bundle: Bundle, device: DeviceOption = "auto", threads: int | None = None) -> None:
        self._manifest = bundle.manifest
        self._sessions = [] if device == "cpu" else _open_cuda(bundle, required=device == "cuda")
        self.device: Device = "cuda" if self._sessions else "cpu"
        self.batch_size = tiles_at_once(self.device, bundle.manifest.input.tile_px)
        if self.device == "cpu":
            self._threads = threads or _cores()
            runs = len(bundle.manifest.members) * self.batch_size
            self._sessions = _open(bundle, "cpu", max(1, self._threads // runs))
        self.providers: tuple[str, ...] = tuple(self._sessions[0].get_providers())

    def __call__(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities (M, B, T, T) of tiles (B, T, T, 3) uint8 RGB; raises as `logits` does."""
        logits = self.logits(tiles)
        probabilities: NDArray[np.float32] = expit(logits, out=logits)
        return probabilities

    def logits(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (M, B, T, T) of tiles (B, T, T, 3) uint8 RGB.

        Raises BundleError where a member answers with something that is no number.
        """
        images = _normalised(tiles, self._manifest.input)
        maps = np.empty((len(self._sessions), *tiles.shape[:3]), np.float32)

        def run(member: int, part: slice) -> None:
            (answer,) = self._sessions[member].run([self._manifest.output.name], {INPUT_NAME: images[part]})
            if not np.isfinite(answer).all():
                raise BundleError(
                    f"Member {member} of the bundle {self._manifest.name} gives logits that are not finite.",
                    "Export the bundle again or use another one.",
                )
            maps[member, part] = answer[:, 0]

        if self.device == "cuda":
            for member in range(len(self._sessions)):
                run(member, slice(None))
        else:
            single = (slice(number, number + 1) for number in range(len(tiles)))
            with ThreadPoolExecutor(self._threads) as pool:
                for done in [pool.submit(run, *job) for job in product(range(len(self._sessions)), single)]:
                    done.result()
        return maps


def tiles_at_once(device: Device, tile_px: int) -> int:
    """How many square tiles go through the network as a batch."""
    return max(1, PIXELS_AT_ONCE[device] // tile_px**2)


def cuda_is_listed() -> bool:
    """Whether this build of ONNX Runtime knows CUDA; whether CUDA works only a session can tell."""
    return CUDA_PROVIDER in _onnxruntime().get_available_providers()


def _open_cuda(bundle: Bundle, required: bool) -> list[Session]:
    """Sessions on CUDA; none where it cannot be used and is not required.

    A build of ONNX Runtime that knows no CUDA was chosen for the CPU, so falling back is worth a warning only where
    CUDA was to be expected.
    """
    listed = cuda_is_listed()
    if listed:
        _onnxruntime().preload_dlls()  # the CUDA libraries that came as Python packages
    sessions = _open(bundle, "cuda", _cores()) if listed else []
    if sessions and all(CUDA_PROVIDER in session.get_providers() for session in sessions):
        return sessions
    if required:
        raise AlgorithmError(
            "ONNX Runtime cannot use CUDA here.",
            "Install anaphase[gpu] on a machine with an NVIDIA driver, or use --device cpu.",
        )
    level = logging.WARNING if listed else logging.INFO
    log.log(level, "ONNX Runtime cannot use CUDA here: running on the CPU.")
    return []


def _cores() -> int:
    """Those that this process may use, where the system can tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _open(bundle: Bundle, device: Device, threads: int) -> list[Session]:
    """A session a member, opened side by side."""
    onnxruntime = _onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.use_deterministic_compute = True
    # Planned reuse of memory takes a time that grows with the square of the graph, and saves none over the arena.
    options.enable_mem_reuse = False

    def open_member(member: Member) -> Session:
        path = bundle.model_path(member, device)
        try:
            session = onnxruntime.InferenceSession(path, options, providers=PROVIDERS[device])
        except Exception as error:  # the library's errors share no base class
            raise BundleError(f"{path} cannot be loaded: {error}.", "Export the bundle again.") from error
        _check_signature(session, bundle.manifest, path)
        return session

    with redirect_stdout(sys.stderr), ThreadPoolExecutor() as pool:  # the library prints that it falls back to the CPU
        return list(pool.map(open_member, bundle.manifest.members))


def _check_signature(session: Session, manifest: Manifest, path: Path) -> None:
    """Raises BundleError unless the graph takes image (B, 3, T, T) and gives logits (B, 1, T, T), with B free."""
    tile = manifest.input.tile_px
    ends = (
        ("input", INPUT_NAME, session.get_inputs(), 3),
        ("output", manifest.output.name, session.get_outputs(), len(manifest.output.classes)),
    )
    for kind, name, found, channels in ends:
        if len(found) != 1 or not _agrees(found[0], name, channels, tile):
            given = ", ".join(f"{end.name} {end.type} {end.shape}" for end in found)
            raise BundleError(
                f"{path} has the {kind} {given}, not {name} tensor(float) ['batch', {channels}, {tile}, {tile}].",
                "Export the bundle again.",
            )


def _agrees(end: Any, name: str, channels: int, tile: int) -> bool:
    """Whether an end of a graph has the name, type and shape expected; a size may be free, the batch must be."""
    if end.name != name or end.type != "tensor(float)" or len(end.shape) != 4 or isinstance(end.shape[0], int):
        return False
    expected = (channels, tile, tile)
    return all(size == want or not isinstance(size, int) for size, want in zip(end.shape[1:], expected, strict=True))


def _normalised(tiles: NDArray[np.uint8], settings: InputSettings) -> NDArray[np.float32]:
    """(value * scale - mean) / std of tiles (B, T, T, 3), as images (B, 3, T, T)."""
    mean, std = (np.array(numbers)[:, None, None] for numbers in (settings.mean, settings.std))
    images = np.ascontiguousarray(tiles.transpose(0, 3, 1, 2)).astype(np.float32)
    images *= (settings.scale / std).astype(np.float32)
    images -= (mean / std).astype(np.float32)
    return images


def _onnxruntime() -> ModuleType:
    """ONNX Runtime, which is no part of the base installation."""
    try:
        onnxruntime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise AlgorithmError(
            "ONNX Runtime is not installed.", "Install anaphase[cpu], or anaphase[gpu] for an NVIDIA GPU."
        ) from error
    onnxruntime.disable_telemetry_events()
    return onnxruntime

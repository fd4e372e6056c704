"""ONNX Runtime: the sessions of an ensemble on a device, from pixels to what every member answers."""

import importlib
import logging
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from algorithm.boxes_manifest import BoxesManifest
from algorithm.bundle import AnyBundle, Bundle
from algorithm.errors import AlgorithmError, BundleError
from algorithm.manifest import AnyMember, Device, Normalisation, SegmentationManifest

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


class Members:
    """The members of a bundle, ready to run on one device; `device` is what their sessions say they use.

    side_px: of the squares that they take. answer_shape: of what a member gives for one of them.
    batch_size: how many squares to hand over at a time.
    device: "cuda" raises AlgorithmError where CUDA cannot be used; "auto" then says so in the log and takes the CPU.
    threads: on the CPU, by default as many as there are cores. Each runs one member on one square at a time, which is
    faster than all of them on one, and holds no more memory.
    Raises BundleError for a file that is no ONNX graph, or a graph whose input or output is not the manifest's, and
    AlgorithmError where ONNX Runtime is not installed.
    """

    def __init__(
        self,
        bundle: AnyBundle,
        side_px: int,
        answer_shape: tuple[int, ...],
        device: DeviceOption = "auto",
        threads: int | None = None,
    ) -> None:
        manifest = bundle.manifest
        self._manifest = manifest
        self._answer_shape = answer_shape
        graphs = _Graphs(
            bundle,
            _End("input", INPUT_NAME, (3, side_px, side_px)),
            _End("output", manifest.output.name, answer_shape),
        )
        self._sessions = [] if device == "cpu" else _open_cuda(graphs, required=device == "cuda")
        self.device: Device = "cuda" if self._sessions else "cpu"
        self.batch_size = tiles_at_once(self.device, side_px)
        if self.device == "cpu":
            self._threads = threads or _cores()
            runs = len(manifest.members) * self.batch_size
            self._sessions = _open(graphs, "cpu", max(1, self._threads // runs))
        self.providers: tuple[str, ...] = tuple(self._sessions[0].get_providers())

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What members that know one class say of squares (B, side_px, side_px, 3) uint8 RGB: (M, B, ...) without it.

        Raises BundleError as `answers` does.
        """
        return self.answers(pixels)[:, :, 0]

    def answers(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """All that the members say, (M, B, *answer_shape), of squares (B, side_px, side_px, 3) uint8 RGB.

        Raises BundleError where a member answers with something that is no number.
        """
        return self._answers([_normalised(pixels, self._manifest.input)] * len(self._sessions))

    def _answers(self, images: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """What the members say, (M, B, *answer_shape), of images (B, 3, side_px, side_px), each member's own."""
        squares = len(images[0])
        answers = np.empty((len(self._sessions), squares, *self._answer_shape), np.float32)

        def run(member: int, part: slice) -> None:
            (answer,) = self._sessions[member].run([self._manifest.output.name], {INPUT_NAME: images[member][part]})
            if not np.isfinite(answer).all():
                raise BundleError(
                    f"Member {member} of the bundle {self._manifest.name} gives logits that are not finite.",
                    "Export the bundle again or use another one.",
                )
            answers[member, part] = answer

        if self.device == "cuda":
            for member in range(len(self._sessions)):
                run(member, slice(None))
        else:
            single = (slice(number, number + 1) for number in range(squares))
            with ThreadPoolExecutor(self._threads) as pool:
                for done in [pool.submit(run, *job) for job in product(range(len(self._sessions)), single)]:
                    done.result()
        return answers


class Ensemble(Members):
    """The members of a bundle that segments, each seeing tiles in its own turn if that says so; raises as Members."""

    def __init__(self, bundle: Bundle, device: DeviceOption = "auto", threads: int | None = None) -> None:
        manifest = bundle.manifest
        assert isinstance(manifest, SegmentationManifest)
        tile_px = manifest.input.tile_px
        super().__init__(bundle, tile_px, (1, tile_px, tile_px), device, threads)
        spread = manifest.postprocess.spread_turns
        self._turns = [member % 4 if spread else 0 for member in range(len(manifest.members))]

    def __call__(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities (M, B, T, T) of tiles (B, T, T, 3) uint8 RGB, as the tiles lie; raises as `logits` does."""
        images = _normalised(tiles, self._manifest.input)
        logits = self._answers([_turned(images, turns) for turns in self._turns])[:, :, 0]
        logits = np.stack([_turned(maps, -turns) for maps, turns in zip(logits, self._turns, strict=True)])
        probabilities: NDArray[np.float32] = expit(logits, out=logits)
        return probabilities


class BoxEnsemble(Members):
    """The members of a bundle that finds boxes: tiles to boxes and logits by `answers`; raises as Members."""

    def __init__(self, bundle: Bundle, device: DeviceOption = "auto", threads: int | None = None) -> None:
        manifest = bundle.manifest
        assert isinstance(manifest, BoxesManifest)
        tile_px, output = manifest.input.tile_px, manifest.output
        super().__init__(bundle, tile_px, (4 + len(output.classes), output.boxes_of(tile_px)), device, threads)


def tiles_at_once(device: Device, tile_px: int) -> int:
    """How many squares of this side go through the network as a batch."""
    return max(1, PIXELS_AT_ONCE[device] // tile_px**2)


def cuda_is_listed() -> bool:
    """Whether this build of ONNX Runtime knows CUDA; whether CUDA works only a session can tell."""
    return CUDA_PROVIDER in _onnxruntime().get_available_providers()


class _End(NamedTuple):
    """An end of a graph as the manifest has it; the shape is without the batch, which must be free."""

    kind: str
    name: str
    shape: tuple[int, ...]


class _Graphs(NamedTuple):
    """The graphs of a bundle and what each of them must take and give."""

    bundle: AnyBundle
    takes: _End
    gives: _End


def _open_cuda(graphs: _Graphs, required: bool) -> list[Session]:
    """Sessions on CUDA; none where it cannot be used and is not required.

    A build of ONNX Runtime that knows no CUDA was chosen for the CPU, so falling back is worth a warning only where
    CUDA was to be expected.
    """
    listed = cuda_is_listed()
    if listed:
        _onnxruntime().preload_dlls()  # the CUDA libraries that came as Python packages
    sessions = _open(graphs, "cuda", _cores()) if listed else []
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


def _open(graphs: _Graphs, device: Device, threads: int) -> list[Session]:
    """A session a member, opened side by side."""
    onnxruntime = _onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.use_deterministic_compute = True
    # Planned reuse of memory takes a time that grows with the square of the graph, and saves none over the arena.
    options.enable_mem_reuse = False

    def open_member(member: AnyMember) -> Session:
        path = graphs.bundle.model_path(member, device)
        try:
            session = onnxruntime.InferenceSession(path, options, providers=PROVIDERS[device])
        except Exception as error:  # the library's errors share no base class
            raise BundleError(f"{path} cannot be loaded: {error}.", "Export the bundle again.") from error
        _check_end(path, graphs.takes, session.get_inputs())
        _check_end(path, graphs.gives, session.get_outputs())
        return session

    with redirect_stdout(sys.stderr), ThreadPoolExecutor() as pool:  # the library prints that it falls back to the CPU
        return list(pool.map(open_member, graphs.bundle.manifest.members))


def _check_end(path: Path, expected: _End, found: list[Any]) -> None:
    """Raises BundleError unless a graph has just the one end expected: a size may be free, the batch must be."""
    if len(found) != 1 or not _agrees(found[0], expected):
        given = ", ".join(f"{end.name} {end.type} {end.shape}" for end in found)
        raise BundleError(
            f"{path} has the {expected.kind} {given}, not {expected.name} tensor(float) {['batch', *expected.shape]}.",
            "Export the bundle again.",
        )


def _agrees(end: Any, expected: _End) -> bool:
    if end.name != expected.name or end.type != "tensor(float)" or len(end.shape) != 1 + len(expected.shape):
        return False
    batch, *sizes = end.shape
    fits = (size == want or not isinstance(size, int) for size, want in zip(sizes, expected.shape, strict=True))
    return not isinstance(batch, int) and all(fits)


def _normalised(pixels: NDArray[np.uint8], settings: Normalisation) -> NDArray[np.float32]:
    """(value * scale - mean) / std of squares (B, T, T, 3), as images (B, 3, T, T)."""
    mean, std = (np.array(numbers)[:, None, None] for numbers in (settings.mean, settings.std))
    images = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)).astype(np.float32)
    images *= (settings.scale / std).astype(np.float32)
    images -= (mean / std).astype(np.float32)
    return images


def _turned(maps: NDArray[np.float32], turns: int) -> NDArray[np.float32]:
    """Maps or images (..., T, T), turned counterclockwise by quarters."""
    return np.ascontiguousarray(np.rot90(maps, turns, axes=(-2, -1)))


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

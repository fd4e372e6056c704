"""ONNX Runtime: the sessions of an ensemble on a device, from pixels to what every member answers."""

import importlib
import logging
import os
import sys
from collections.abc import Mapping, Sequence
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
from algorithm.bundle import AnyBundle, AnyManifest, Bundle
from algorithm.errors import AlgorithmError, BundleError
from algorithm.manifest import AnyMember, Device, Normalisation, SegmentationManifest
from algorithm.nuclei_manifest import NucleiManifest
from algorithm.size import Size

Session = Any  # onnxruntime.InferenceSession: the library has no types and may be absent
DeviceOption = Literal["auto", "cpu", "cuda"]
Ends = Mapping[str, tuple[int | str, ...]]
"""Inputs or outputs of a graph as the manifest has them: names and shapes, without the batch; what has a name in place
of a size must be free, as the batch must."""
Answers = Mapping[str, tuple[int, ...]]
"""Outputs of a graph by name, each with its shape for one tile."""

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

    size: of the tiles, patches or crops that they take. gives: what a member answers for one.
    batch_size: how many tiles to hand over at a time. free_sides: whether tiles of other sizes may be handed over too.
    device: "cuda" raises AlgorithmError where CUDA cannot be used; "auto" then says so in the log and takes the CPU.
    threads: on the CPU, by default as many as there are cores. Each runs one member on one tile at a time, which is
    faster than all of them on one, and holds no more memory.
    Raises BundleError for a file that is no ONNX graph, or a graph whose input or output is not the manifest's, and
    AlgorithmError where ONNX Runtime is not installed.
    """

    def __init__(
        self,
        bundle: AnyBundle,
        size: Size,
        gives: Answers,
        device: DeviceOption = "auto",
        threads: int | None = None,
        free_sides: bool = False,
    ) -> None:
        manifest = bundle.manifest
        self._manifest = manifest
        self._gives = dict(gives)
        sides = ("height", "width") if free_sides else (size.height, size.width)
        graphs = _Graphs(bundle, {INPUT_NAME: (3, *sides)}, self._gives)
        self._sessions = [] if device == "cpu" else _open_cuda(graphs, required=device == "cuda")
        self.device: Device = "cuda" if self._sessions else "cpu"
        self.batch_size = tiles_at_once(self.device, size)
        if self.device == "cpu":
            self._threads = threads or _cores()
            runs = len(manifest.members) * self.batch_size
            self._sessions = _open(graphs, "cpu", max(1, self._threads // runs))
        self.providers: tuple[str, ...] = tuple(self._sessions[0].get_providers())

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What members that know one class say of tiles (B, H, W, 3) uint8 RGB: (M, B, ...) without it.

        Raises BundleError as `answers` does.
        """
        return self.answers(pixels)[:, :, 0]

    def answers(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """All that the members say, (M, B, *answer_shape), of tiles (B, H, W, 3) uint8 RGB.

        Raises BundleError where a member answers with something that is no number.
        """
        (only,) = self.all_answers(pixels)
        return only

    def all_answers(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """As `answers`, of members with several outputs: one array for each, in the order of `gives`."""
        return self._answers([_normalised(pixels, self._manifest.input)] * len(self._sessions))

    def _answers(self, images: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """What the members say, (M, B, ...) for each output, of images (B, 3, H, W), each member's own."""
        tiles = len(images[0])
        answers = [np.empty((len(self._sessions), tiles, *shape), np.float32) for shape in self._gives.values()]

        def run(member: int, part: slice) -> None:
            given = self._sessions[member].run(list(self._gives), {INPUT_NAME: images[member][part]})
            for output, answer in zip(answers, given, strict=True):
                if not np.isfinite(answer).all():
                    raise _bad_answer(self._manifest, member, "numbers that are not finite")
                output[member, part] = answer

        if self.device == "cuda":
            for member in range(len(self._sessions)):
                run(member, slice(None))
        else:
            single = (slice(number, number + 1) for number in range(tiles))
            with ThreadPoolExecutor(self._threads) as pool:
                for done in [pool.submit(run, *job) for job in product(range(len(self._sessions)), single)]:
                    done.result()
        return answers


class Ensemble(Members):
    """The members of a bundle that segments, each seeing tiles in its own turn if that says so; raises as Members."""

    def __init__(self, bundle: Bundle, device: DeviceOption = "auto", threads: int | None = None) -> None:
        manifest = bundle.manifest
        assert isinstance(manifest, SegmentationManifest)
        size = manifest.input.tile_px
        super().__init__(bundle, size, {manifest.output.name: (1, size.height, size.width)}, device, threads)
        spread = manifest.postprocess.spread_turns
        self._turns = [member % 4 if spread else 0 for member in range(len(manifest.members))]

    def __call__(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities (M, B, H, W) of tiles (B, H, W, 3) uint8 RGB, as the tiles lie; raises as `logits` does."""
        images = _normalised(tiles, self._manifest.input)
        (answers,) = self._answers([_turned(images, turns) for turns in self._turns])
        logits = np.stack([_turned(maps, -turns) for maps, turns in zip(answers[:, :, 0], self._turns, strict=True)])
        probabilities: NDArray[np.float32] = expit(logits, out=logits)
        return probabilities


class BoxEnsemble(Members):
    """The members of a bundle that finds boxes: tiles to boxes and logits by `answers`; raises as Members."""

    def __init__(self, bundle: Bundle, device: DeviceOption = "auto", threads: int | None = None) -> None:
        manifest = bundle.manifest
        assert isinstance(manifest, BoxesManifest)
        size, output = manifest.input.tile_px, manifest.output
        shape = 4 + len(output.classes), output.boxes_of(size)
        super().__init__(bundle, size, {output.name: shape}, device, threads, free_sides=manifest.turns_rectangles)


class Judged(NamedTuple):
    """What members say of crops: P(mitotic figure), (M, B) float32, and activation maps, (M, B, h, w) float32."""

    probabilities: NDArray[np.float32]
    activations: NDArray[np.float32]


class CropEnsemble(Members):
    """The members of a bundle that judges nuclei; raises as Members."""

    def __init__(self, bundle: Bundle, device: DeviceOption = "auto", threads: int | None = None) -> None:
        manifest = bundle.manifest
        assert isinstance(manifest, NucleiManifest)
        patch_px, output = manifest.input.patch_px, manifest.output
        map_px = patch_px // output.stride
        gives = {output.probability: (), output.activation: (map_px, map_px)}
        super().__init__(bundle, Size.square(patch_px), gives, device, threads)

    def __call__(self, crops: NDArray[np.uint8]) -> Judged:
        """What the members say of crops (B, P, P, 3) uint8 RGB.

        Raises BundleError as `answers` does, and where a probability is none.
        """
        judged = Judged(*self.all_answers(crops))
        beyond = (judged.probabilities < 0) | (judged.probabilities > 1)
        if beyond.any():
            raise _bad_answer(self._manifest, int(beyond.any(axis=1).argmax()), "probabilities outside 0 to 1")
        return judged


def tiles_at_once(device: Device, size: Size) -> int:
    """How many tiles of this size go through the network as a batch."""
    return max(1, PIXELS_AT_ONCE[device] // (size.width * size.height))


def cuda_is_listed() -> bool:
    """Whether this build of ONNX Runtime knows CUDA; whether CUDA works only a session can tell."""
    return CUDA_PROVIDER in _onnxruntime().get_available_providers()


class _Graphs(NamedTuple):
    """The graphs of a bundle and what each of them must take and give."""

    bundle: AnyBundle
    takes: Ends
    gives: Ends


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
        _check_ends(path, "input", graphs.takes, session.get_inputs())
        _check_ends(path, "output", graphs.gives, session.get_outputs())
        return session

    with redirect_stdout(sys.stderr), ThreadPoolExecutor() as pool:  # the library prints that it falls back to the CPU
        return list(pool.map(open_member, graphs.bundle.manifest.members))


def _check_ends(path: Path, kind: str, expected: Ends, found: list[Any]) -> None:
    """Raises BundleError unless a graph has just the ends expected: a size may be free, the batch must be."""
    by_name = {end.name: end for end in found}
    if by_name.keys() != expected.keys() or not all(_agrees(by_name[name], shape) for name, shape in expected.items()):
        given = ", ".join(f"{end.name} {end.type} {end.shape}" for end in found)
        wanted = ", ".join(f"{name} tensor(float) {['batch', *shape]}" for name, shape in expected.items())
        raise BundleError(f"{path} has the {kind} {given}, not {wanted}.", "Export the bundle again.")


def _agrees(end: Any, expected: tuple[int | str, ...]) -> bool:
    if end.type != "tensor(float)" or len(end.shape) != 1 + len(expected):
        return False
    sizes = zip(end.shape, ("batch", *expected), strict=True)
    return all(size == want or not isinstance(size, int) for size, want in sizes)


def _bad_answer(manifest: AnyManifest, member: int, what: str) -> BundleError:
    return BundleError(
        f"Member {member} of the bundle {manifest.name} gives {what}.", "Export the bundle again or use another one."
    )


def _normalised(pixels: NDArray[np.uint8], settings: Normalisation) -> NDArray[np.float32]:
    """(value * scale - mean) / std of tiles (B, H, W, 3), as images (B, 3, H, W)."""
    mean, std = (np.array(numbers)[:, None, None] for numbers in (settings.mean, settings.std))
    images = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)).astype(np.float32)
    images *= (settings.scale / std).astype(np.float32)
    images -= (mean / std).astype(np.float32)
    return images


def _turned(maps: NDArray[np.float32], turns: int) -> NDArray[np.float32]:
    """Maps or images (..., H, W), turned counterclockwise by quarters."""
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

"""Files of weights: others' checkpoints, read without running what is in them, and the project's own, safetensors."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Size, Tensor

from algorithm.errors import AlgorithmError, InputError
from training.checkpoints import BEST, load_checkpoint
from training.digest import digest
from training.model_settings import ModelSettings
from training.models.build import build_model
from training.weights.mxnet import read_mxnet
from training.whole_file import write_whole

NESTED = ("model_ema", "model", "state_dict", "desc", "ema_state_dict")
"""Where checkpoints keep their tensors, the first that is there counts; mmengine swaps its mean into `state_dict`."""


@dataclass(frozen=True)
class Weights:
    """Tensors that fit a network, to start from. record: what a run remembers of them."""

    tensors: dict[str, Tensor]
    record: dict[str, str | int]


@dataclass(frozen=True)
class Imported:
    """What the network takes of a file. tensors: by the network's keys; unused: the file's keys that serve nothing."""

    tensors: dict[str, Tensor]
    unused: list[str]

    def count(self, *starts: str) -> int:
        """How many tensors of these parts of the network there are."""
        return sum(key.startswith(starts) for key in self.tensors)


def network_shapes(settings: ModelSettings) -> dict[str, Size]:
    """The network's keys and their shapes, without its memory."""
    with torch.device("meta"):
        return {key: tensor.shape for key, tensor in build_model(settings).state_dict().items()}


def read_weights(path: Path, settings: ModelSettings) -> Weights:
    """A file of `import-weights` for this network, or the folder of a run, whose best checkpoint is taken.

    Raises InputError where a tensor is unknown to the network or of another shape, AlgorithmError where the folder
    holds no checkpoint.
    """
    run = load_checkpoint(path / BEST) if path.is_dir() else None
    tensors, shapes = _safetensors(path) if run is None else run["model"], network_shapes(settings)
    for key, tensor in tensors.items():
        if key not in shapes:
            raise InputError(f"{path} has {key}, which {settings.name} has not.", "Import the weights for this recipe.")
        require_shape(key, tensor.shape, shapes[key], str(path), "Import the weights for this recipe.")
    if not tensors:
        raise InputError(f"{path} holds no tensors.", "Import the weights again.")
    file = path if run is None else path / BEST
    record = {"file": str(file.relative_to(path.parent)), "sha256": digest(file)}
    held_out = {} if run is None else {"fold": run["fold"]}
    return Weights(tensors, {**record, "tensors": len(tensors), "of": len(shapes), **held_out})


def require_shape(key: str, found: Size, wanted: Size, where: str, fix: str) -> None:
    """Raises InputError where the tensor of a key is not as the network's."""
    if found != wanted:
        sizes = " instead of ".join(" x ".join(map(str, size)) for size in (found, wanted))
        raise InputError(f"{where} does not fit: {key} is {sizes}.", fix)


def write_weights(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Beside its place, then renamed. Raises AlgorithmError where the place is taken or cannot be written."""
    if path.exists():
        raise AlgorithmError(f"{path} is there already.", "Give another name, or remove it first.")
    write_whole(path, save(dict(tensors), metadata))


def read_foreign(path: Path) -> dict[str, Tensor]:
    """The tensors of another project's checkpoint: of safetensors, of MXNet, or of torch if it holds tensors alone.

    Raises InputError for a file that is missing, damaged, or holds code.
    """
    content = READERS.get(path.suffix, _torch_file)(path)
    for name in NESTED:
        if isinstance(content.get(name), dict) and content[name]:
            content = content[name]
            break
    strange = next((key for key, value in content.items() if not isinstance(value, Tensor)), None)
    if strange is not None or not content:
        found = "nothing" if strange is None else f"{strange}, which is no tensor"
        raise InputError(f"{path} is no checkpoint of a network: it holds {found}.", "Give a file of weights.")
    return content


def _require_file(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Give a file of weights.") from error


def _safetensors(path: Path) -> dict[str, Any]:
    _require_file(path)
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} is no safetensors file: {error}.", "Fetch or import it again.") from error


def _torch_file(path: Path) -> dict[str, Any]:
    _require_file(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path} is damaged or holds more than tensors: {problem}", "Fetch it again, or save its tensors alone."
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"{path} is no checkpoint of a network.", "Give a file of weights.")
    return content


def _mxnet_file(path: Path) -> dict[str, Any]:
    _require_file(path)
    return dict(read_mxnet(path))


READERS = {".params": _mxnet_file, ".safetensors": _safetensors}
"""By how a file's name ends; any other is torch's."""

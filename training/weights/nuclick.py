"""NuClick's public weights, in the layout of TIAToolbox (nuclick_original-pannuke)."""

import re
from pathlib import Path

import torch
from torch import Size, Tensor

from algorithm.errors import InputError
from training.models.nuclick import NuClick
from training.weights.files import read_foreign, require_shape

PREFIX = re.compile(r"^((module|model)\.)+")
COUNTER = "num_batches_tracked"
FIX = "Take NuClick's weights in TIAToolbox's layout (nuclick_original-pannuke), or leave --weights out."


def read_nuclick(path: Path) -> NuClick:
    """The network with a checkpoint's weights, float32, ready to be called.

    The state may stand alone or under the names that `read_foreign` knows; counters of batches may be missing. Raises
    InputError for a file that is damaged, holds code, or is not laid out as NuClick, naming the key that shows it.
    """
    with torch.device("meta"):
        model = NuClick()
    shapes = {key: tensor.shape for key, tensor in model.state_dict().items()}
    source = {PREFIX.sub("", key): tensor for key, tensor in read_foreign(path).items()}
    foreign = next((key for key in source if key not in shapes), None)
    if foreign is not None:
        raise InputError(f"{path} is not laid out as NuClick: it has {foreign}.", FIX)
    tensors = {key: _tensor(key, source, shape, path) for key, shape in shapes.items()}
    model.load_state_dict(tensors, assign=True)
    return model.eval()


def _tensor(key: str, source: dict[str, Tensor], shape: Size, path: Path) -> Tensor:
    if key.endswith(COUNTER):  # for training alone
        return torch.zeros((), dtype=torch.int64)
    if key not in source:
        raise InputError(f"{path} has no {key}, so it holds no whole NuClick.", FIX)
    require_shape(key, source[key].shape, shape, str(path), FIX)
    return source[key].to(torch.float32)

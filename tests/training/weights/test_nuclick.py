"""NuClick's checkpoints: read in the public layout, whatever they are wrapped in; all else refused by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from algorithm.errors import InputError
from tests.training.nuclick import dark_pixels_checkpoint
from training.weights.nuclick import read_nuclick

Checkpoint = dict[str, Tensor]
FIRST = "conv_block_1.0.conv_bn_relu.0.weight"


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return dark_pixels_checkpoint()


def without_counters(tensors: Checkpoint) -> Checkpoint:
    return {key: tensor for key, tensor in tensors.items() if not key.endswith("num_batches_tracked")}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tensors: tensors,
        lambda tensors: {"state_dict": tensors, "epoch": 9},
        lambda tensors: {"model": tensors},
        lambda tensors: {f"module.{key}": tensor for key, tensor in tensors.items()},
        without_counters,
        lambda tensors: {key: t.half() if key.startswith("conv_block") else t for key, t in tensors.items()},
    ],
)
def test_the_public_layout_is_read(
    checkpoint: Checkpoint, wrap: Callable[[Checkpoint], dict[str, Any]], tmp_path: Path
) -> None:
    torch.save(wrap(checkpoint), tmp_path / "nuclick.pth")
    model = read_nuclick(tmp_path / "nuclick.pth")
    assert not model.training
    state = model.state_dict()
    assert len(state) == 360
    assert {tensor.dtype for tensor in without_counters(state).values()} == {torch.float32}
    for key in (FIRST, "conv_block_2.0.conv_bn_relu.0.weight", "conv_block_3.conv_bn_relu.0.bias"):
        torch.testing.assert_close(state[key], checkpoint[key], rtol=1e-3, atol=1e-6)


def broken(tensors: Checkpoint, **changes: Tensor | None) -> Checkpoint:
    names = {"first": FIRST, "foreign": "encoder.weight"}
    changed = {names[name]: tensor for name, tensor in changes.items()}
    return {key: tensor for key, tensor in {**tensors, **changed}.items() if tensor is not None}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"first": None}, f"has no {FIRST}, so it holds no whole NuClick"),
        ({"foreign": torch.zeros(1)}, "is not laid out as NuClick: it has encoder.weight"),
        ({"first": torch.zeros(64, 3, 7, 7)}, f"does not fit: {FIRST} is 64 x 3 x 7 x 7 instead of 64 x 5 x 7 x 7"),
    ],
)
def test_another_layout_is_refused_by_name(
    checkpoint: Checkpoint, changes: dict[str, Tensor | None], problem: str, tmp_path: Path
) -> None:
    torch.save(broken(checkpoint, **changes), tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"other\.pth.*Take NuClick's weights") as raised:
        read_nuclick(tmp_path / "other.pth")
    assert problem in str(raised.value)


def test_safetensors_of_something_else_are_refused(tmp_path: Path) -> None:
    save_file({"head.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"is not laid out as NuClick: it has head\.weight"):
        read_nuclick(tmp_path / "other.safetensors")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nuclick\.pth cannot be read"):
        read_nuclick(tmp_path / "nuclick.pth")

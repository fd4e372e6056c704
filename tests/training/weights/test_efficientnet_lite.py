"""Weights of EfficientNet-Lite: which tensor goes where, and what is refused and why."""

from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from torch import Size, Tensor

from algorithm.errors import InputError
from tests.training.drawing import tiny_classifier_tree
from training.__main__ import main
from training.weights.efficientnet_lite import SIGNS, import_efficientnet_lite

NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
# The stem and the first two blocks of both codes, by hand from their sources: the first block has no expansion.
LAYERS = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_blocks.0._depthwise_conv": "blocks.0.0.conv_dw",
    "_blocks.0._bn1": "blocks.0.0.bn1",
    "_blocks.0._project_conv": "blocks.0.0.conv_pw",
    "_blocks.0._bn2": "blocks.0.0.bn2",
    "_blocks.1._expand_conv": "blocks.1.0.conv_pw",
    "_blocks.1._bn0": "blocks.1.0.bn1",
    "_blocks.1._depthwise_conv": "blocks.1.0.conv_dw",
    "_blocks.1._bn1": "blocks.1.0.bn2",
    "_blocks.1._project_conv": "blocks.1.0.conv_pwl",
    "_blocks.1._bn2": "blocks.1.0.bn3",
}
PARTS = [
    (f"{theirs}.{part}", f"encoder.network.{ours}.{part}")
    for theirs, ours in LAYERS.items()
    for part in (NORM if "bn" in theirs else ("weight",))
]
TOP = ["_conv_head.weight", "_bn1.weight", "_fc.bias"]
SHAPES = {ours: Size([number + 1]) for number, (_, ours) in enumerate(PARTS)} | {"head.2.weight": Size([4, 3])}
NETWORK = "model.encoder={name: timm, model: tf_efficientnet_lite0}"


def lite() -> dict[str, Tensor]:
    """Every tensor of another length, and what is above the last block."""
    source = {theirs: torch.full((number + 1,), number) for number, (theirs, _) in enumerate(PARTS)}
    return source | {key: torch.zeros(2) for key in TOP}


def test_every_tensor_goes_where_the_layer_is() -> None:
    found = import_efficientnet_lite(lite(), SHAPES, "file")
    assert {key: int(tensor[0]) for key, tensor in found.tensors.items()} == {
        ours: number for number, (_, ours) in enumerate(PARTS)
    }
    assert found.unused == TOP
    counters = {key for key, tensor in found.tensors.items() if tensor.dtype == torch.int64}
    assert counters == {ours for _, ours in PARTS if ours.endswith("tracked")}


def swapped() -> dict[str, Tensor]:
    """The first norm's weight and bias in each other's place."""
    keys = list(lite())
    keys[1:3] = keys[2:0:-1]
    return {key: lite()[key] for key in keys}


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ({"conv_stem.weight": torch.zeros(1)}, "not laid out as an EfficientNet-Lite: it has no _conv_stem.weight"),
        ({**lite(), "_blocks.2._bn2.bias": torch.zeros(1)}, rf"has {len(PARTS) + 1} tensors of layers, not"),
        ({**lite(), "_bn0.bias": torch.zeros(9)}, r"encoder\.network\.bn1\.bias is 9 instead of 3"),
        (swapped(), r"_bn0\.bias stands where the network has encoder\.network\.bn1\.weight"),
    ],
)
def test_another_layout_or_size_is_refused(source: dict[str, Tensor], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        import_efficientnet_lite(source, SHAPES, "file")


def test_the_command_takes_the_whole_encoder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    timm = pytest.importorskip("timm", exc_type=(ImportError, RuntimeError))
    network = timm.create_model("tf_efficientnet_lite0", num_classes=0)
    layers = {key: tensor for key, tensor in network.state_dict().items() if not key.startswith(("conv_head", "bn2"))}
    names = [f"layers.{key}" for key in layers]
    names[0], names[6] = SIGNS
    source = dict(zip(names, layers.values(), strict=True))
    torch.save({**source, "_fc.bias": torch.zeros(1000)}, tmp_path / "lite.pth")
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(tiny_classifier_tree()))
    arguments = [str(tmp_path / "recipe.yaml"), str(tmp_path / "lite.pth"), NETWORK]
    assert main(["import-weights", *arguments, "--output", str(tmp_path / "start")]) == 0
    assert "288 of the network's" in capsys.readouterr().out
    found = load_file(tmp_path / "start")
    assert found.keys() == {f"encoder.network.{key}" for key in layers}
    assert all(torch.equal(found[f"encoder.network.{key}"], tensor) for key, tensor in layers.items())

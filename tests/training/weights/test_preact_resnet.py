"""Weights of pre-activated ResNets: which tensor goes where, in every spelling, and what is refused and why."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from torch import Tensor

from algorithm.errors import InputError
from tests.training.drawing import tiny_classifier_tree
from tests.training.preact_resnet import hovernet, resnetv2, torchvision_resnet
from training.__main__ import main
from training.model_settings import MultitaskSettings
from training.models.build import build_model
from training.weights.files import network_shapes, read_weights
from training.weights.preact_resnet import import_preact_resnet

Checkpoint = dict[str, Tensor]
UNITS = (2, 1, 1, 2)
ENCODER = {"name": "preact_resnet", "width": 2, "units": list(UNITS)}
TINY = {"name": "multitask", "encoder": ENCODER, "head": [4], "decoder_width": 2}
SHAPES = network_shapes(MultitaskSettings.model_validate(TINY))
# Where the sources have what the network has; by hand, from both projects' code.
PLACES = {
    "stem.convolution.weight": ("conv0./.weight", "stem.conv.weight"),
    "stem.norm.bias": ("conv0.bn.bias", "stages.0.blocks.0.norm1.bias"),
    "stages.0.units.0.shortcut.weight": ("d0.shortcut.weight", "stages.0.blocks.0.downsample.conv.weight"),
    "stages.0.units.0.convolutions.0.weight": ("d0.units.0.conv1.weight", "stages.0.blocks.0.conv1.weight"),
    "stages.0.units.0.norms.1.weight": ("d0.units.0.conv1/bn.weight", "stages.0.blocks.0.norm2.weight"),
    "stages.0.units.1.norms.0.running_var": ("d0.units.1.preact/bn.running_var", "stages.0.blocks.1.norm1.running_var"),
    "stages.0.norm.running_mean": ("d0.blk_bna.bn.running_mean", "stages.1.blocks.0.norm1.running_mean"),
    "stages.1.norm.weight": ("d1.blk_bna.bn.weight", "stages.2.blocks.0.norm1.weight"),
    "stages.2.units.0.convolutions.1.weight": ("d2.units.0.conv2.weight", "stages.2.blocks.0.conv2.weight"),
    "stages.2.norm.bias": ("d2.blk_bna.bn.bias", "stages.3.blocks.0.norm1.bias"),
    "stages.3.units.1.norms.2.bias": ("d3.units.1.conv2/bn.bias", "stages.3.blocks.1.norm3.bias"),
    "stages.3.units.1.convolutions.2.weight": ("d3.units.1.conv3.weight", "stages.3.blocks.1.conv3.weight"),
    "stages.3.norm.weight": ("d3.blk_bna.bn.weight", "norm.weight"),
}


def imported(source: Checkpoint, padding: str) -> Checkpoint:
    return import_preact_resnet(source, SHAPES, padding, "file").tensors


@pytest.mark.parametrize("make, padding", [(hovernet, "tf_same"), (resnetv2, "symmetric")])
def test_the_published_network_takes_all_of_its_encoder(make: Callable[..., Checkpoint], padding: str) -> None:
    settings = {"name": "multitask", "encoder": {"name": "preact_resnet", "padding": padding}}
    shapes = network_shapes(MultitaskSettings.model_validate(settings))
    found = import_preact_resnet(make(device="meta"), shapes, padding, "file")
    assert (len(found.tensors), found.count("encoder.")) == (249, 249)
    assert {key: tensor.shape for key, tensor in found.tensors.items()} == {key: shapes[key] for key in found.tensors}
    learned = [tensor for key, tensor in found.tensors.items() if "running" not in key]
    assert sum(tensor.numel() for tensor in learned) == 23_500_352
    assert found.unused == ([] if make is hovernet else ["head.fc.weight", "head.fc.bias"])


@pytest.mark.parametrize("key", PLACES)
def test_every_tensor_is_in_its_place(key: str) -> None:
    for source, padding, place in zip((hovernet, resnetv2), ("tf_same", "symmetric"), PLACES[key], strict=True):
        checkpoint = source(2, UNITS)
        assert torch.equal(imported(checkpoint, padding)[f"encoder.{key}"], checkpoint[place])


@pytest.mark.parametrize("make, padding", [(hovernet, "tf_same"), (resnetv2, "symmetric")])
def test_every_tensor_has_a_place_of_its_own(make: Callable[..., Checkpoint], padding: str) -> None:
    source = make(2, UNITS)
    numbers = sorted(tensor.flatten()[0].item() for tensor in imported(source, padding).values())
    assert numbers == [tensor.flatten()[0].item() for key, tensor in source.items() if not key.startswith("head.")]


@pytest.mark.parametrize(
    "spelt",
    [
        lambda key: f"module.{key}",
        lambda key: key.replace("conv0./.", "conv0/."),
        lambda key: key.replace("/.", "").replace("/", "."),
    ],
)
def test_other_spellings_are_the_same(spelt: Callable[[str], str]) -> None:
    source = hovernet(2, UNITS)
    found = imported({spelt(key): tensor for key, tensor in source.items()}, "tf_same")
    expected = imported(source, "tf_same")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], tensor) for key, tensor in expected.items())


def test_counters_and_parts_behind_the_encoder_are_known() -> None:
    """A whole HoVer-Net has a bottleneck and decoders; newer files count batches."""
    source = hovernet(2, UNITS)
    source |= {"conv_bot.weight": torch.zeros(1), "decoder.tp.u3.conva.weight": torch.zeros(1)}
    source |= {"conv0.bn.num_batches_tracked": torch.tensor(7)}
    found = import_preact_resnet(source, SHAPES, "tf_same", "file")
    assert found.unused == ["conv_bot.weight", "decoder.tp.u3.conva.weight"]
    assert found.tensors["encoder.stem.norm.num_batches_tracked"].item() == 7
    assert len(found.tensors) == len(hovernet(2, UNITS)) + 1


def test_halves_become_whole() -> None:
    source = {key: tensor.half() for key, tensor in hovernet(2, UNITS).items()}
    assert {tensor.dtype for tensor in imported(source, "tf_same").values()} == {torch.float32}


def changed(source: Checkpoint, without: str = "", **more: tuple[int, ...]) -> Checkpoint:
    shapes = {name.replace("__", "."): torch.zeros(shape) for name, shape in more.items()}
    return {key: tensor for key, tensor in {**source, **shapes}.items() if key != without}


@pytest.mark.parametrize(
    "source, padding, problem",
    [
        (torchvision_resnet(), "symmetric", "post-activated ResNet, as torchvision's (it has layer1.0.conv1.weight)"),
        (
            hovernet(2, UNITS),
            "symmetric",
            "padded as TensorFlow's; the recipe's are not. Add model.encoder.padding=tf_",
        ),
        (resnetv2(2, UNITS), "tf_same", "padded on both sides; the recipe's are not. Add model.encoder.padding=symm"),
        (hovernet(4, UNITS), "tf_same", "encoder.stem.convolution.weight is 4 x 3 x 7 x 7 instead of 2 x 3 x 7 x 7"),
        (hovernet(2, (2, 2, 1, 2)), "tf_same", "the network has no encoder.stages.1.units.1.norms.0.weight"),
        (resnetv2(2, (1, 1, 1, 2)), "symmetric", "has nothing for encoder.stages.0.units.1.norms.0.weight"),
        (changed(hovernet(2, UNITS), "d2.shortcut.weight"), "tf_same", "encoder.stages.2.units.0.shortcut.weight"),
        (changed(resnetv2(2, UNITS), "norm.running_var"), "symmetric", "nothing for encoder.stages.3.norm.running_var"),
        (changed(resnetv2(2, UNITS), stem__norm__x=(1,)), "symmetric", "the network has no encoder.stem.norm.x"),
        (changed(hovernet(2, UNITS), conv0__weight=(2, 3, 7, 7)), "tf_same", "a tensor twice, in two spellings"),
        ({"patch_embed.proj.weight": torch.zeros(1)}, "tf_same", "laid out neither as HoVer-Net nor as timm's"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(source: Checkpoint, padding: str, problem: str) -> None:
    with pytest.raises(InputError) as raised:
        import_preact_resnet(source, SHAPES, padding, "file.tar")
    assert problem in str(raised.value)
    assert str(raised.value).startswith("file.tar ")


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "multitask.yaml"
    path.write_text(yaml.safe_dump(tiny_classifier_tree(model=TINY)))
    return str(path)


def run_import(recipe: str, path: Path, *overrides: str) -> int:
    return main(["import-weights", recipe, str(path), *overrides, "--output", str(path.with_name("w.safetensors"))])


def test_the_command_reads_hovernets_file(recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"desc": hovernet(2, UNITS)}, tmp_path / "ImageNet.tar")
    assert run_import(recipe, tmp_path / "ImageNet.tar") == 0
    said = capsys.readouterr().out
    count = len(hovernet(2, UNITS))
    assert f"{count} tensors, 0 of them of no use here" in said
    assert f"{count} of the network's {len(SHAPES)} tensors (the whole encoder); the others start at random" in said
    settings = MultitaskSettings.model_validate(TINY)
    weights = read_weights(tmp_path / "w.safetensors", settings)
    assert (weights.record["tensors"], weights.record["of"]) == (count, len(SHAPES))
    model = build_model(settings)
    model.load_state_dict(weights.tensors, strict=False)
    assert model.encoder.stem.convolution.weight.mean() == 1


def test_the_command_reads_timms_file(recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_file(resnetv2(2, UNITS), tmp_path / "model.safetensors")
    assert run_import(recipe, tmp_path / "model.safetensors") == 1
    assert "Add model.encoder.padding=symmetric." in capsys.readouterr().err
    assert run_import(recipe, tmp_path / "model.safetensors", "model.encoder.padding=symmetric") == 0
    assert "2 of them of no use here" in capsys.readouterr().out
    assert load_file(tmp_path / "w.safetensors").keys() == imported(resnetv2(2, UNITS), "symmetric").keys()


class Malicious:
    """Unpickled, it touches a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


def test_code_in_the_file_does_not_run(recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"desc": hovernet(2, UNITS), "epoch": Malicious(tmp_path / "ran")}, tmp_path / "ImageNet.tar")
    assert run_import(recipe, tmp_path / "ImageNet.tar") == 1
    assert "holds more than tensors" in capsys.readouterr().err
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "w.safetensors").exists()


def test_timms_encoders_need_no_file(recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_import(recipe, tmp_path / "any.tar", "model.encoder={name: timm, model: resnet18}") == 1
    assert "Set model.encoder.pretrained=true." in capsys.readouterr().err

"""Files of weights: wherever the tensors are kept, nothing in a file is run, and what is written is whole."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from algorithm.errors import AlgorithmError, InputError
from training.model_settings import VMUNetSettings
from training.weights.files import network_shapes, read_foreign, read_weights, write_weights

TINY = VMUNetSettings(name="vm_unet", width=8, state_size=2)
TENSORS = {"final_conv.bias": torch.ones(1), "patch_embed.proj.bias": torch.arange(8.0)}


class Malicious:
    """Unpickled, it touches a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


@pytest.mark.parametrize(
    "content",
    [
        TENSORS,
        {"model": TENSORS},
        {"state_dict": TENSORS, "epoch": 3},
        {"model_ema": TENSORS, "model": {"other": torch.zeros(1)}},
        {"model_ema": None, "model": TENSORS},
    ],
)
def test_tensors_are_found_wherever_they_are_kept(tmp_path: Path, content: dict[str, Any]) -> None:
    torch.save(content, tmp_path / "a.pth")
    found = read_foreign(tmp_path / "a.pth")
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[key], tensor) for key, tensor in TENSORS.items())


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "a.safetensors")
    assert torch.equal(read_foreign(tmp_path / "a.safetensors")["patch_embed.proj.bias"], torch.arange(8.0))


def test_code_in_a_file_does_not_run(tmp_path: Path) -> None:
    marker, path = tmp_path / "ran", tmp_path / "a.pth"
    torch.save({"model": TENSORS, "config": Malicious(marker)}, path)
    with pytest.raises(InputError, match=r"a\.pth is damaged or holds more than tensors"):
        read_foreign(path)
    assert not marker.exists()
    torch.load(path, weights_only=False)
    assert marker.exists()  # it would have run


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_a_cut_file_is_refused(tmp_path: Path, name: str, kept: float) -> None:
    path = tmp_path / name
    large = {"weight": torch.randn(100, 100)}
    save_file(large, path) if path.suffix == ".safetensors" else torch.save(large, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept if kept >= 1 else kept * len(content))])
    with pytest.raises(InputError) as raised:
        read_foreign(path)
    assert str(raised.value).startswith(f"{path} is ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [[], torch.zeros(3), {}, {"epoch": 3}, {"model": TENSORS | {"epoch": 3}}])
def test_what_is_no_network_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(InputError, match=r"a\.pth is no checkpoint of a network"):
        read_foreign(tmp_path / "a.pth")


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=rf"{name} cannot be read"):
        read_foreign(tmp_path / name)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.safetensors"
    write_weights(path, TENSORS, {"source": "b.pth"})
    assert [file.name for file in path.parent.iterdir()] == ["a.safetensors"]
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"source": "b.pth"}
    weights = read_weights(path, TINY)
    assert all(torch.equal(weights.tensors[key], tensor) for key, tensor in TENSORS.items())
    assert (weights.record["file"], weights.record["tensors"], weights.record["of"]) == ("a.safetensors", 2, 222)


def test_a_write_that_is_cut_short_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(_: int) -> None:
        assert [path.name for path in tmp_path.iterdir()] == [".a.safetensors.partial"]
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        write_weights(tmp_path / "a.safetensors", TENSORS, {})
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("no folder")
    with pytest.raises(AlgorithmError, match="cannot be written"):
        write_weights(tmp_path / "taken" / "a.safetensors", TENSORS, {})


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_text("precious")
    with pytest.raises(AlgorithmError, match="is there already"):
        write_weights(tmp_path / "a.safetensors", TENSORS, {})
    assert (tmp_path / "a.safetensors").read_text() == "precious"


@pytest.mark.parametrize(
    ("tensors", "problem"),
    [
        ({"final_conv.bias": torch.ones(2)}, "final_conv.bias is 2 instead of 1"),
        ({"final_conv.bias": torch.ones(1), "head.bias": torch.ones(1)}, "has head.bias, which vm_unet has not"),
        ({}, "holds no tensors"),
    ],
)
def test_weights_of_another_network_are_refused(tmp_path: Path, tensors: dict[str, torch.Tensor], problem: str) -> None:
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(InputError) as raised:
        read_weights(tmp_path / "a.safetensors", TINY)
    assert problem in str(raised.value)


def test_shapes_need_no_memory() -> None:
    shapes = network_shapes(VMUNetSettings(name="vm_unet"))
    assert (len(shapes), sum(shape.numel() for shape in shapes.values())) == (222, 27_427_561)

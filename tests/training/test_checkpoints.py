"""Checkpoints are whole or not there, and never run code."""

from pathlib import Path
from typing import Any

import pytest
import torch

from algorithm.errors import AlgorithmError
from training.checkpoints import load_checkpoint, save_checkpoint

CONTENT = {"recipe": {"name": "a"}, "fold": 1, "epoch": 2, "best": {}, "model": {}, "optimiser": {}}


class Malicious:
    """Unpickled, it touches a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    model = {"weight": torch.randn(3, 4)}
    save_checkpoint(tmp_path / "last.pt", {**CONTENT, "model": model})
    loaded = load_checkpoint(tmp_path / "last.pt")
    assert torch.equal(loaded.pop("model")["weight"], model["weight"])
    assert loaded == {key: value for key, value in CONTENT.items() if key != "model"}
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


def test_a_write_that_is_cut_short_replaces_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.pt"
    save_checkpoint(path, CONTENT)

    def killed(_: object, file: Path) -> None:
        Path(file).write_bytes(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, {**CONTENT, "epoch": 3})
    assert load_checkpoint(path)["epoch"] == 2


def test_what_a_killed_run_left_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "last.partial").write_bytes(b"half of it")
    save_checkpoint(tmp_path / "last.pt", CONTENT)
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


def test_a_checkpoint_with_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    marker, path = tmp_path / "ran", tmp_path / "last.pt"
    torch.save({**CONTENT, "model": Malicious(marker)}, path)
    with pytest.raises(AlgorithmError, match=r"last\.pt is no checkpoint of this project"):
        load_checkpoint(path)
    assert not marker.exists()
    torch.load(path, weights_only=False)
    assert marker.exists()  # it would have run


def test_a_missing_checkpoint_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AlgorithmError, match=r"There is no checkpoint .* Train first"):
        load_checkpoint(tmp_path / "last.pt")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"text"])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(AlgorithmError, match="is no checkpoint of this project"):
        load_checkpoint(tmp_path / "last.pt")


def test_a_cut_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    save_checkpoint(path, {**CONTENT, "model": {"weight": torch.randn(100, 100)}})
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(AlgorithmError, match="is no checkpoint of this project"):
        load_checkpoint(path)


@pytest.mark.parametrize("content", [torch.zeros(3), {"weight": torch.zeros(3)}, []])
def test_another_programs_tensors_are_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "last.pt")
    with pytest.raises(AlgorithmError, match="is no checkpoint of this project"):
        load_checkpoint(tmp_path / "last.pt")

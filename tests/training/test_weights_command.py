"""`import-weights`, and runs that start from what it writes."""

from pathlib import Path

import pytest
import torch
import yaml

from algorithm.errors import AlgorithmError
from tests.training.drawing import drawn_data, tiny_recipe, tiny_tree, write_midogpp
from tests.training.vmamba import vmamba
from training.__main__ import main
from training.bundles.detection import member
from training.checkpoints import BEST, LAST, load_checkpoint, save_checkpoint
from training.data.split import split_fold
from training.fit import fit
from training.trainer import Trainer
from training.weights.files import Weights, read_weights


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tiny_tree()))
    return str(path)


@pytest.fixture
def imported(recipe: str, tmp_path: Path) -> Path:
    torch.save({"model": vmamba()}, tmp_path / "v0.pth")
    assert main(["import-weights", recipe, str(tmp_path / "v0.pth"), "--output", str(tmp_path / "w.safetensors")]) == 0
    return tmp_path / "w.safetensors"


def test_counts_are_said(imported: Path, recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the published depths, width and state tiny: 208 of 222, and of no use the blocks beyond, norm and head."""
    words = ["import-weights", recipe, str(tmp_path / "v0.pth"), "--output", str(tmp_path / "published.safetensors")]
    assert main([*words, "model.depths=[2, 2, 2, 2]", "model.decoder_depths=[2, 2, 2, 1]"]) == 0
    said = capsys.readouterr().out
    assert "446 tensors, 329 of them of no use here" in said
    assert "208 of the network's 222 tensors (117 of the encoder, 91 of the decoder)" in said


def test_a_foreign_file_is_one_line(recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"model": {"layers.0.blocks.0.mlp.fc1.weight": torch.zeros(1)}}, tmp_path / "v2.pth")
    assert main(["import-weights", recipe, str(tmp_path / "v2.pth"), "--output", str(tmp_path / "new")]) == 1
    error = capsys.readouterr().err
    assert "second version: it has layers.0.blocks.0.mlp.fc1.weight" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_a_network_without_an_importer_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import-weights", "unet", "any.pth", "--output", str(tmp_path / "new")]) == 1
    assert "no weights to import for unet" in capsys.readouterr().err


def test_fit_starts_from_them_and_says_so(
    recipe: str, imported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then the file is gone, and the run goes on without it."""
    images = [{"name": f"{n:03}.tiff", "figures": [(20, 24), (70, 52)]} for n in range(1, 5)]
    data, run = write_midogpp(tmp_path / "drawn", images), tmp_path / "run"
    words = ["fit", recipe, "optimiser.epochs=1", "optimiser.batches_per_epoch=1", "--data", str(data)]
    words += ["--output", str(run), "--weights", str(imported)]
    assert main(words) == 0
    assert "w.safetensors: 117 of the network's 131 tensors loaded" in capsys.readouterr().out
    record = load_checkpoint(run / BEST)["weights"]
    assert (record["file"], record["tensors"], record["of"], len(record["sha256"])) == ("w.safetensors", 117, 131, 64)
    imported.unlink()
    assert main([*words, "--resume"]) == 0
    assert load_checkpoint(run / LAST)["weights"] == record


def test_the_network_holds_them_and_else_what_it_would(imported: Path) -> None:
    """The tensors that the file does not have are those of the same seed without a file."""
    own = tiny_recipe()
    weights, split = read_weights(imported, own.model), split_fold(drawn_data(), own, 0)
    plain, started = (Trainer(own, split, given).model.state_dict() for given in (None, weights))
    for key, tensor in started.items():
        assert torch.equal(tensor, weights.tensors.get(key, plain[key]))
        assert key not in weights.tensors or not torch.equal(tensor, plain[key])


def test_a_resumed_run_keeps_its_record(tmp_path: Path) -> None:
    own = tiny_recipe(optimiser={"epochs": 1, "batches_per_epoch": 1, "batch_size": 2})
    record: dict[str, str | int] = {"file": "w", "sha256": "0", "tensors": 1, "of": 131}
    fit(own, drawn_data(), tmp_path, 0, resume=False, weights=Weights({"final_conv.bias": torch.ones(1)}, record))
    trainer = Trainer(own, split_fold(drawn_data(), own, 0))
    trainer.restore(load_checkpoint(tmp_path / LAST))
    assert trainer.state()["weights"] == record


def test_weights_for_another_width_are_refused(imported: Path) -> None:
    wide = tiny_recipe(model={**tiny_tree()["model"], "width": 16})
    with pytest.raises(
        AlgorithmError, match=r"does not fit: \S+ is .* instead of .* Import the weights for this recipe"
    ):
        read_weights(imported, wide.model)


def test_a_member_says_what_it_started_from(runs: list[Path], tmp_path: Path) -> None:
    checkpoint = load_checkpoint(runs[0] / BEST)
    (tmp_path / "member.onnx").write_bytes(b"graph")
    assert member(tmp_path / "member.onnx", checkpoint).note == ""
    checkpoint["weights"] = {"file": "w.safetensors", "sha256": "0", "tensors": 117, "of": 131}
    assert member(tmp_path / "member.onnx", checkpoint).note == "started from 117 tensors of w.safetensors"


def test_runs_from_before_there_were_weights_are_read(runs: list[Path], tmp_path: Path) -> None:
    checkpoint = load_checkpoint(runs[0] / LAST)
    del checkpoint["weights"]
    save_checkpoint(tmp_path / LAST, checkpoint)
    own = tiny_recipe()
    trainer = Trainer(own, split_fold(drawn_data(), own, 0))
    trainer.restore(load_checkpoint(tmp_path / LAST))
    assert trainer.weights is None

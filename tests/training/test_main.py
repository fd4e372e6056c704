"""The command line: what it prints, and its exit codes."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from PIL import Image

from tests.training.drawing import drawn_pixels, tiny_tree, write_midogpp
from training.__main__ import main
from training.checkpoints import BEST, LAST, load_checkpoint


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tiny_tree()))
    return str(path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    images = [
        {"name": f"{number:03}.tiff", "width": 96, "height": 80, "figures": [(20, 24), (70, 52)]}
        for number in range(1, 5)
    ]
    return write_midogpp(tmp_path / "drawn", images)


def test_describe_says_what_a_network_costs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "vm_unet"]) == 0
    said = capsys.readouterr().out
    assert "vm_unet: 27,427,561 parameters in 222 tensors" in said
    assert "16.27 G multiply-accumulates" in said
    assert "54.08 G operations a tile, with all products of matrices and the scan\n" in said
    assert "1.581 GB a tile kept for its gradient in training, 0.727 GB held at once by the exported graph\n" in said
    assert "training: 2,400,000 tiles, 389,408.4 T operations; 38.4 GB and" in said
    assert "largest size: 3,350 tiles, 181.2 T operations\n" in said
    assert "1 x 512 x 512" in said


def test_describe_says_times_at_a_speed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "vm_unet", "--teraflops", "6"]) == 0
    said = capsys.readouterr().out
    assert "389,408.4 T operations, 18.0 h; 38.4 GB" in said
    assert "181.2 T operations, 30.2 s\n" in said


def test_describe_says_that_data_decide_how_long_a_literal_epoch_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "vm_unet", "sampling.epoch=literal"]) == 0
    assert "training: were an epoch 1,000 batches, which the data decide, 2,400,000 tiles" in capsys.readouterr().out


def test_describe_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "vm_unet", "input.tile_px=256", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["recipe"], found["tile_px"], found["parameters"], found["tensors"]) == (
        "vm_unet",
        256,
        27_427_561,
        222,
    )
    assert round(found["multiply_accumulates"] / 1e9, 2) == 4.07
    assert found["shapes"]["final_conv"] == [1, 1, 256, 256]
    assert found["run"]["tiles"] == 2_400_000


def test_fit_then_resume(recipe: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Overrides stand before or after the options; figure-free pictures are read; the summary is printed."""
    free = tmp_path / "free"
    free.mkdir()
    Image.fromarray(drawn_pixels(64, 64, [], [])).save(free / "a.png")
    run = tmp_path / "run"
    words = ["fit", recipe, "optimiser.batches_per_epoch=1", "--data", str(data), "--figure-free", str(free)]
    words += ["--output", str(run), "--fold", "1"]
    assert main([*words, "optimiser.epochs=1", "seed=3"]) == 0
    said = capsys.readouterr().out
    assert "drawn: MIDOG++ layout, 4 regions, 8 mitotic figures, 0 hard negatives" in said
    assert "free: figure-free tissue, 1 pictures" in said
    checkpoint = load_checkpoint(run / LAST)
    assert (checkpoint["fold"], checkpoint["epoch"], checkpoint["recipe"]["seed"]) == (1, 1, 3)
    assert main([*words, "optimiser.epochs=1", "seed=3"]) == 1
    assert "already holds a run" in capsys.readouterr().err
    assert main([*words, "optimiser.epochs=1", "seed=3", "--resume"]) == 0
    assert load_checkpoint(run / BEST)["epoch"] == 1


def test_export_writes_a_bundle(
    runs: list[Path],
    bundle: Path,
    tmp_path: Path,
    kept_graphs: Callable[[list[int]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept_graphs([0])
    card = tmp_path / "card.yaml"
    card.write_text("{name: a, version: '1', intended_use: b, datasets: [{name: a, licence: b, source: c}]}")
    assert main(["export", str(runs[0]), "--output", str(tmp_path / "new"), "--card", str(card)]) == 0
    assert "MB in all, logits within" in capsys.readouterr().out
    assert (tmp_path / "new" / "member_0.onnx").read_bytes() == (bundle / "member_0.onnx").read_bytes()
    assert main(["export", str(runs[0]), "--output", str(tmp_path / "new"), "--card", str(card)]) == 1
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["describe", "vm_unett"],
        ["describe", "vm_unet", "model.wdth=8"],
        ["fit", "vm_unet", "--data", "nowhere", "--output", "run"],
        ["fit", "vm_unet", "--data", "nowhere", "--output", "run", "optimiser.epoch=1"],
        ["export", "nowhere", "--output", "bundle", "--card", "nowhere.yaml"],
        ["fit", "vm_unet", "--data", "nowhere", "--output", "run", "--weights", "nowhere.safetensors"],
        ["folds", "nowhere", "--output", "folds.csv"],
        ["import-weights", "vm_unet", "nowhere.pth", "--output", "new.safetensors"],
        ["import-weights", "unet", "nowhere.pth", "--output", "new.safetensors"],
        ["make-masks", "nowhere", "--output", "masks"],
        ["make-masks", "nowhere", "--output", "masks", "--weights", "nowhere.pth"],
        ["make-masks", "nowhere", "--output", "masks", "seed=3"],
    ],
)
def test_a_failure_is_one_line_and_exit_code_1(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    said = capsys.readouterr()
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["train"],
        ["fit", "vm_unet"],
        ["fit", "vm_unet", "--data", "d"],
        ["fit", "vm_unet", "--data", "d", "--output", "o", "--epochs", "3"],
        ["fit", "vm_unet", "--data", "d", "--output", "o", "more"],
        ["fit", "vm_unet", "--data", "d", "--output", "o", "--fold"],
        ["fit", "vm_unet", "--data", "d", "--output", "o", "--spacing-um", "quarter"],
        ["folds", "d"],
        ["folds", "d", "--output", "o", "--by", "scanner"],
        ["folds", "d", "--output", "o", "--folds", "1"],
        ["import-weights", "vm_unet", "f"],
        ["make-masks", "d"],
        ["make-masks", "d", "--output", "o", "--resolution-um-px", "25"],
        ["make-masks", "d", "--output", "o", "--resolution-um-px", "fine"],
        ["make-masks", "d", "--output", "o", "more"],
        ["import-weights", "vm_unet", "f", "--output", "o", "more"],
        ["describe", "vm_unet", "--output=o"],
        ["describe", "vm_unet", "--teraflops", "0"],
        ["describe", "vm_unet", "--teraflops", "fast"],
        ["export", "run", "--output", "o"],
        ["export", "run", "--output", "o", "--card", "c", "--fold=3"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert "usage: python -m training" in capsys.readouterr().err


def test_one_run_needs_no_data_for_its_threshold(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "run", "--output", "o", "--card", "c", "--data", "d"]) == 2
    assert "One run has its threshold already" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["fit", "validate", "export", "describe", "folds", "import-weights", "make-masks"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main([command, "--help"])
    assert raised.value.code == 0
    assert "--" in capsys.readouterr().out


def test_validate_says_the_f1_of_the_held_out_fold(
    runs: list[Path], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", str(runs[0]), "input.overlap=0", "--data", str(data)]) == 0
    assert re.fullmatch(
        r"F1 \d\.\d{3} \(precision \d\.\d{3}, recall \d\.\d{3}\) at threshold 0\.\d+\n", capsys.readouterr().out
    )

"""`doctor` says what is in use, and gives a fix for whatever is not as it should be."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from algorithm.__main__ import main
from algorithm.commands import doctor
from tests.tiny_boxes import write_tiny_boxes
from tests.tiny_bundle import take_along, write_tiny_bundle
from tests.tiny_classifier import write_tiny_classifier
from tests.tiny_nuclei import write_tiny_nuclei


def diagnosis(capsys: pytest.CaptureFixture[str], bundle: Path | None) -> tuple[int, dict[str, Any]]:
    code = main(["doctor", "--json", *([] if bundle is None else ["--bundle", str(bundle)])])
    return code, {finding["subject"]: finding for finding in json.loads(capsys.readouterr().out)["findings"]}


@pytest.fixture(autouse=True)
def one_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "installed", {"onnxruntime": "1.31.0"}.get)
    monkeypatch.setattr(doctor, "DRIVER", Path("/nonexistent"))


def test_a_sound_installation(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, findings = diagnosis(capsys, bundle)
    assert code == 0
    assert findings["runtime"]["finding"] == "onnxruntime 1.31.0"
    assert "anaphase" in findings["versions"]["finding"]
    assert findings["bundle in use (option)"]["finding"] == f"tiny 1, detection, ensemble of 2, in {bundle}"
    assert findings["device"]["status"] == "ok"
    assert "ExecutionProvider" in findings["device"]["finding"]


def test_the_text_has_a_fix_below_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--bundle", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    (place,) = (number for number, line in enumerate(lines) if line.startswith("failed  bundle in use (option): "))
    assert lines[place + 1].startswith("        fix: ")


def test_a_changed_model_file_fails(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in bundle.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "member_1.onnx").write_bytes(b"something else")
    code, findings = diagnosis(capsys, tmp_path)
    assert code == 1
    assert "member_1.onnx" in findings["bundle in use (option)"]["finding"]
    assert "device" not in findings


@pytest.mark.parametrize(
    ("found", "said"),
    [({}, "not installed"), ({"onnxruntime": "1", "onnxruntime-gpu": "1"}, "damage each other")],
)
def test_no_runtime_and_two_runtimes_fail(
    found: dict[str, str],
    said: str,
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(doctor, "installed", found.get)
    code, findings = diagnosis(capsys, bundle)
    assert code == 1
    assert said in findings["runtime"]["finding"]
    assert "pip install" in findings["runtime"]["fix"]


def test_an_idle_gpu_is_a_warning_with_a_fix(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "DRIVER", tmp_path)
    monkeypatch.setattr("algorithm.runtime.CUDA_PROVIDER", "AbsentExecutionProvider")
    code, findings = diagnosis(capsys, bundle)
    assert code == 0
    assert findings["device"]["status"] == "warning"
    assert "--gpus all" in findings["device"]["fix"]


def lay(folder: Path, monkeypatch: pytest.MonkeyPatch, *tasks: str) -> Path:
    """A folder of default bundles for these tasks, in the place of the project's."""
    folder.mkdir()
    for task in tasks:
        (write_tiny_classifier if task == "classification" else write_tiny_bundle)(folder / task)
    (folder / "default.json").write_text(json.dumps({task: task for task in tasks}))
    for module in ("bundle", "commands.doctor"):
        monkeypatch.setattr(f"algorithm.{module}.BUNDLES_DIR", folder)
    return folder


def test_the_default_bundle_of_each_task_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = lay(tmp_path / "bundles", monkeypatch, "detection", "classification")
    code, findings = diagnosis(capsys, None)
    assert code == 0
    assert findings["bundle in use for detection (default)"]["finding"].startswith("tiny 1, detection, ensemble of 1")
    said = f"tiny classifier 1, classification, ensemble of 1, in {folder / 'classification'}"
    assert findings["bundle in use for classification (default)"]["finding"] == said
    assert findings["bundle classification"]["finding"] == said
    assert findings["device"]["status"] == "ok"


@pytest.mark.parametrize(("task", "other"), [("detection", "classification"), ("classification", "detection")])
def test_an_installation_for_one_task_lacks_the_other(
    task: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(tmp_path / "bundles", monkeypatch, task)
    code, findings = diagnosis(capsys, None)
    assert code == 0
    assert findings[f"bundle in use for {task} (default)"]["status"] == "ok"
    assert findings[f"bundle in use for {other}"]["status"] == "warning"
    assert f"names no bundle for {other}" in findings[f"bundle in use for {other}"]["finding"]
    assert findings["device"]["status"] == "ok"


def test_the_platforms_model_is_for_one_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(tmp_path / "bundles", monkeypatch, "detection", "classification")
    monkeypatch.setattr("algorithm.bundle.PLATFORM_MODEL_DIR", write_tiny_classifier(tmp_path / "model"))
    code, findings = diagnosis(capsys, None)
    assert code == 0
    assert findings["bundle in use for classification (/opt/ml/model)"]["status"] == "ok"
    assert findings["bundle in use for detection (/opt/ml/model)"]["status"] == "warning"
    assert "not for detection" in findings["bundle in use for detection (/opt/ml/model)"]["finding"]


def test_no_bundle_at_all_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(tmp_path / "bundles", monkeypatch)
    code, findings = diagnosis(capsys, None)
    assert code == 1
    assert findings["bundle in use for detection"]["status"] == "failed"
    assert "device" not in findings


@pytest.mark.parametrize("write", [write_tiny_boxes, write_tiny_nuclei])
def test_bundles_of_boxes_and_nuclei_are_opened_too(
    write: Callable[[Path], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = diagnosis(capsys, write(tmp_path))
    assert code == 0
    assert found["device"]["finding"].startswith("cpu")


def test_every_bundle_given_is_looked_at_and_opened(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boxes = write_tiny_boxes(tmp_path / "boxes")
    words = ["doctor", "--bundle", str(boxes), "--bundle", str(bundle)]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert said.index(f"in {boxes}\n") < said.index(f"in {bundle}\n")
    assert said.count("ok      device: ") == 2
    (boxes / "manifest.json").unlink()
    assert main(words) == 1
    assert f"failed  bundle in use (option): {boxes / 'manifest.json'}" in capsys.readouterr().out


def test_bundles_side_by_side_on_the_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(tmp_path / "bundles", monkeypatch, "classification")
    monkeypatch.setattr("algorithm.bundle.PLATFORM_MODEL_DIR", tmp_path / "model")
    write_tiny_bundle(tmp_path / "model" / "one")
    write_tiny_boxes(tmp_path / "model" / "two")
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    for name in ("one", "two"):
        line = f"ok      bundle in use for detection (/opt/ml/model): tiny 1, detection, ensemble of 1, in {tmp_path}"
        assert f"{line}/model/{name}\n" in said
    (tmp_path / "model" / "two" / "manifest.json").write_text("{}")
    assert main(["doctor"]) == 1


def test_a_second_stage_is_looked_at_with_its_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = take_along(write_tiny_boxes(tmp_path / "boxes"), write_tiny_nuclei(tmp_path / "second"))
    code, findings = diagnosis(capsys, bundle)
    assert code == 0
    said = f"tiny 1, detection, ensemble of 1, second stage tiny 1, in {bundle}"
    assert findings["bundle in use (option)"]["finding"] == said
    (bundle / "second_stage" / "member_0.onnx").write_bytes(b"something else")
    assert diagnosis(capsys, bundle)[0] == 1

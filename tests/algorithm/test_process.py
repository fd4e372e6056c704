"""The container's entry: a case in, one file out; whatever is refused is one line on stderr, exit 1, and no file."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algorithm import process
from algorithm.contract import (
    CLASSES_FILE,
    INPUTS_FILE,
    MITOTIC_FIGURES_FILE,
    REGION_SOCKET,
    STACK_SOCKET,
    validate_classes_document,
    validate_points_document,
)
from algorithm.detections import Detections
from algorithm.detectors import Result
from algorithm.errors import BundleError
from algorithm.images import Image
from tests.algorithm.images.drawing import tissue, write_mha, write_tiff
from tests.algorithm.images.test_stack import write_mha_stack, write_tiff_stack
from tests.algorithm.test_case import entry
from tests.tiny_boxes import write_tiny_boxes
from tests.tiny_bundle import take_along, write_tiny_bundle
from tests.tiny_classifier import expected_probabilities, figures, write_tiny_classifier
from tests.tiny_nuclei import write_tiny_nuclei

LOAD_DETECTOR = process.load_detector


class KnownDetector:
    """Finds the same two points in every image, once it has read all of it."""

    def detect(self, image: Image) -> Result:
        image.read(0, 0, image.width, image.height)
        points = np.array([[20.0, 10.0], [40.0, 8.0]])
        found = Detections(points, np.array([0.9, 0.2]), np.array([[0.9], [0.2]]))
        return Result(found, 0.5, 0.01, 1, 1, {})


@pytest.fixture(autouse=True)
def known_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "load_detector", KnownDetector)


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A good case of 2025 at tmp_path / input; the output folder is tmp_path / output."""
    folder = tmp_path / "input"
    images = folder / REGION_SOCKET.folder
    images.mkdir(parents=True)
    write_tiff(images / "region.tiff", tissue())
    (folder / INPUTS_FILE).write_text(json.dumps([entry()]))
    return folder


def processed(case: Path) -> int:
    return process.main(["--input", str(case), "--output", str(case.parent / "output")])


def points(case: Path) -> Any:
    document = json.loads((case.parent / "output" / MITOTIC_FIGURES_FILE).read_text())
    validate_points_document(document)
    return document["points"]


def test_a_case_of_2025_is_answered(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert processed(case) == 0
    assert [point["name"] for point in points(case)] == ["non-mitotic figure", "mitotic figure"]
    np.testing.assert_allclose(points(case)[1]["point"], [0.005, 0.0025, 0.0], atol=1e-12)
    assert [path.name for path in (case.parent / "output").iterdir()] == [MITOTIC_FIGURES_FILE]
    assert capsys.readouterr().err == ""


def test_a_case_of_2022_and_an_mha_are_answered_alike(case: Path) -> None:
    assert processed(case) == 0
    first = points(case)
    (case / INPUTS_FILE).unlink()
    (case / REGION_SOCKET.folder / "region.tiff").unlink()
    write_mha(case / REGION_SOCKET.folder / "region.mha", tissue())
    assert processed(case) == 0
    assert [point["name"] for point in points(case)] == [point["name"] for point in first]
    places, before = ([point["point"] for point in found] for found in (points(case), first))
    np.testing.assert_allclose(places, before, atol=1e-9)


@pytest.mark.parametrize("write", [write_tiny_bundle, write_tiny_boxes, write_tiny_nuclei])
def test_the_platforms_bundle_is_loaded_and_told(
    write: Callable[[Path], Path],
    case: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("algorithm.bundle.PLATFORM_MODEL_DIR", write(tmp_path / "model"))
    monkeypatch.setattr(process, "load_detector", LOAD_DETECTOR)
    assert processed(case) == 0
    assert f"bundle tiny 1 (/opt/ml/model: {tmp_path / 'model'}), device " in capsys.readouterr().out
    assert len(points(case)) > 0


def test_the_platforms_bundle_may_bring_a_second_stage_along(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_tiny_boxes(tmp_path / "model")
    monkeypatch.setattr("algorithm.bundle.PLATFORM_MODEL_DIR", model)
    monkeypatch.setattr(process, "load_detector", LOAD_DETECTOR)
    assert processed(case) == 0
    alone = points(case)
    take_along(model, write_tiny_nuclei(tmp_path / "second", threshold=0.999999))
    assert processed(case) == 0
    said = capsys.readouterr().out
    assert f"bundle tiny 1 (its second stage: {model / 'second_stage'}), device " in said
    assert "mitotic figure" in {point["name"] for point in alone}
    assert {point["name"] for point in points(case)} == {"non-mitotic figure"}
    (model / "second_stage" / "member_0.onnx").unlink()
    assert processed(case) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_bundles_side_by_side_in_the_platforms_place_detect_together(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = write_tiny_bundle(tmp_path / "model" / "one"), write_tiny_boxes(tmp_path / "model" / "two")
    monkeypatch.setattr("algorithm.bundle.PLATFORM_MODEL_DIR", tmp_path / "model")
    monkeypatch.setattr(process, "load_detector", LOAD_DETECTOR)
    assert processed(case) == 0
    said = capsys.readouterr().out
    assert said.index(f"bundle tiny 1 (/opt/ml/model: {one}), ") < said.index(f"bundle tiny 1 (/opt/ml/model: {two}), ")
    together = points(case)
    assert len(together) > 0
    shutil.rmtree(two)
    assert processed(case) == 0
    assert points(case) != together


@pytest.fixture
def stack_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A case of 2025 with a stack of five figures, and a classifier of three members on the platform's place."""
    monkeypatch.setattr(
        "algorithm.bundle.PLATFORM_MODEL_DIR", write_tiny_classifier(tmp_path / "model", 3, patch_px=32)
    )
    monkeypatch.setattr(process, "load_detector", lambda: pytest.fail("the other model was loaded"))
    folder = tmp_path / "input"
    (folder / STACK_SOCKET.folder).mkdir(parents=True)
    write_tiff_stack(folder / STACK_SOCKET.folder / "stack.tiff", figures(5, 32))
    (folder / INPUTS_FILE).write_text(json.dumps([entry(slug=STACK_SOCKET.slug, path=STACK_SOCKET.folder)]))
    return folder


def classes(case: Path) -> Any:
    document = json.loads((case.parent / "output" / CLASSES_FILE).read_text())
    validate_classes_document(document)
    return document


def test_a_stack_is_answered_page_by_page(stack_case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert processed(stack_case) == 0
    expected = expected_probabilities(figures(5, 32), 3)
    np.testing.assert_allclose([item["confidence"] for item in classes(stack_case)], expected.mean(axis=1), atol=1e-5)
    called = ["atypical" if votes >= 2 else "normal" for votes in (expected >= 0.5).sum(axis=1)]
    assert [item["class"] for item in classes(stack_case)] == called
    assert {"atypical", "normal"} == set(called)
    assert [path.name for path in (stack_case.parent / "output").iterdir()] == [CLASSES_FILE]
    said = capsys.readouterr()
    assert said.err == ""
    assert f"stack.tiff: {called.count('atypical')} atypical of 5 -> " in said.out


@pytest.mark.parametrize("count", [1, 2, 16, 257])
@pytest.mark.parametrize("write", [write_tiff_stack, write_mha_stack])
def test_as_many_items_as_pages(stack_case: Path, write: Callable[..., Path], count: int) -> None:
    (stack_case / STACK_SOCKET.folder / "stack.tiff").unlink()
    suffix = ".tiff" if write is write_tiff_stack else ".mha"
    write(stack_case / STACK_SOCKET.folder / f"stack{suffix}", figures(count, 32))
    assert processed(stack_case) == 0
    expected = expected_probabilities(figures(count, 32), 3).mean(axis=1)
    np.testing.assert_allclose([item["confidence"] for item in classes(stack_case)], expected, atol=1e-5)


def test_a_stack_alone_is_answered_without_a_request(stack_case: Path) -> None:
    (stack_case / INPUTS_FILE).unlink()
    assert processed(stack_case) == 0
    assert len(classes(stack_case)) == 5


def test_a_model_for_the_other_task_is_one_line(
    stack_case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("algorithm.bundle.PLATFORM_MODEL_DIR", write_tiny_bundle(tmp_path / "detects"))
    assert processed(stack_case) == 1
    complaint = capsys.readouterr().err
    assert "is a bundle for detection (tiny 1), not for classification" in complaint
    assert complaint.count("\n") == 1


def test_no_model_for_stacks_is_one_line(
    stack_case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("algorithm.bundle.PLATFORM_MODEL_DIR", tmp_path / "nothing")
    monkeypatch.setattr("algorithm.bundle.BUNDLES_DIR", tmp_path)
    assert processed(stack_case) == 1
    assert "names no bundle for classification" in capsys.readouterr().err


STACKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no picture": (lambda path: path.write_text("not a picture"), "is no TIFF"),
    "half a file": (lambda path: os.truncate(path, 4000), "stack.tiff"),
    "a grey page": (
        lambda path: write_tiff_stack(path, figures(2)[..., 0], photometric="minisblack"),
        "stack.tiff, page 1, is grey",
    ),
    "16 bit": (lambda path: write_tiff_stack(path, figures(2).astype(np.uint16)), "16-bit"),
    "another one": (lambda path: write_tiff_stack(path.with_name("b.tif"), figures(2)), "holds 2 images"),
}


@pytest.mark.parametrize("name", STACKS)
def test_a_refused_stack_is_one_line_and_no_file(
    name: str, stack_case: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spoil, said = STACKS[name]
    spoil(stack_case / STACK_SOCKET.folder / "stack.tiff")
    assert processed(stack_case) == 1
    complaint = capfd.readouterr().err
    assert complaint.startswith("error: ")
    assert complaint.count("\n") == 1
    assert said in complaint
    assert list((stack_case.parent / "output").iterdir()) == []


def request(text: str) -> Callable[[Path], object]:
    return lambda case: (case / INPUTS_FILE).write_text(text)


def image(write: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda case: write(case / REGION_SOCKET.folder / "region.tiff")


def hundred_megabytes(case: Path) -> None:
    os.truncate(case / INPUTS_FILE, 100_000_000)


def two_images(case: Path) -> None:
    write_tiff(case / REGION_SOCKET.folder / "another.tif", tissue())


def damaged(path: Path) -> None:
    write_tiff(path, tissue(400, 400), compression="zlib")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 60] = bytes(60)
    path.write_bytes(data)


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "an unknown socket": (request(json.dumps([entry(slug="chest-x-ray")])), REGION_SOCKET.slug),
    "half a request": (request('[{"socket": '), "not valid JSON"),
    "a request nested without end": (request("[" * 900_000), "nested too deeply"),
    "a request of 100 MB": (hundred_megabytes, "larger than"),
    "a doubled key": (request('[{"socket": {}, "socket": {}}]'), "occurs twice"),
    "a path out of the input": (request(json.dumps([entry(path="../output")])), "no relative_path inside"),
    "no image": (lambda case: (case / REGION_SOCKET.folder / "region.tiff").unlink(), "holds 0 images"),
    "two images": (two_images, "holds 2 images"),
    "no picture": (image(lambda path: path.write_text("not a picture")), "is no TIFF"),
    "half a file": (image(lambda path: os.truncate(path, 2000)), "region.tiff"),
    "damaged pixels": (image(damaged), "is damaged"),
    "grey": (image(lambda path: write_tiff(path, tissue()[..., 0], photometric="minisblack")), "region.tiff"),
    "16 bit": (image(lambda path: write_tiff(path, tissue().astype(np.uint16))), "region.tiff"),
    "no spacing": (image(lambda path: write_tiff(path, tissue(), resolutionunit="NONE")), "micrometres"),
    "72 dpi": (image(lambda path: write_tiff(path, tissue(), resolution=(72, 72), resolutionunit="INCH")), "um/px"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_case_is_one_line_and_no_file(name: str, case: Path, capfd: pytest.CaptureFixture[str]) -> None:
    spoil, said = REFUSED[name]
    spoil(case)
    assert processed(case) == 1
    complaint = capfd.readouterr().err
    assert complaint.startswith("error: ")
    assert complaint.count("\n") == 1
    assert said in complaint
    assert list((case.parent / "output").iterdir()) == []


def test_an_output_folder_that_takes_no_files_is_named_before_any_work(
    case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(process, "load_detector", lambda: pytest.fail("the model was loaded"))
    (case.parent / "output").write_text("a file")
    assert processed(case) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_a_missing_bundle_is_one_line(
    case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load() -> None:
        raise BundleError("The bundle is gone.", "Bring it back.")

    monkeypatch.setattr(process, "load_detector", load)
    assert processed(case) == 1
    assert capsys.readouterr().err == "error: The bundle is gone. Bring it back.\n"


def test_the_module_runs_as_the_container_runs_it(case: Path) -> None:
    (case / INPUTS_FILE).write_text("[" * 900_000)
    command = [sys.executable, "-m", "algorithm.process", "--input", str(case), "--output", str(case.parent / "output")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ")
    assert ended.stderr.count("\n") == 1

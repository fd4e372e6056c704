"""`classify`: stacks, folders and images in, a folder of results for each; a class and P(atypical) a figure."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algorithm.__main__ import main
from algorithm.contract import validate_classes_document
from algorithm.writers.folder import CLASSIFICATION_FILES
from evaluation.answers import read_classes
from evaluation.classification import scores
from evaluation.contract import CLASSIFICATION
from evaluation.results import find_results
from tests.algorithm.images.drawing import write_png
from tests.algorithm.images.test_stack import write_mha_stack, write_tiff_stack
from tests.tiny_bundle import write_tiny_bundle
from tests.tiny_classifier import expected_probabilities, figure, figures, write_tiny_classifier

SIDE = 32


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_classifier(tmp_path_factory.mktemp("classifier"), 3, patch_px=SIDE)


def classify(bundle: Path, output: Path, *words: str | Path) -> int:
    return main(["classify", *map(str, words), "--output", str(output), "--bundle", str(bundle), "--device", "cpu"])


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def items(folder: Path) -> list[dict[str, Any]]:
    document = read(folder / "multiple-mitotic-figure-classification.json")
    validate_classes_document(document)
    return list(document)


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "classes.csv").read_text().splitlines()))


def test_all_files_say_the_same(tmp_path: Path, classifier: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack = write_tiff_stack(tmp_path / "stack.tiff", figures(9, SIDE))
    output = tmp_path / "new" / "results"
    assert classify(classifier, output, stack) == 0
    folder = output / "stack"
    assert sorted(path.name for path in folder.iterdir()) == sorted(CLASSIFICATION_FILES)
    expected = expected_probabilities(figures(9, SIDE), 3)
    np.testing.assert_allclose([item["confidence"] for item in items(folder)], expected.mean(axis=1), atol=1e-5)
    assert [row["page"] for row in rows(folder)] == [str(number) for number in range(1, 10)]
    assert {row["file"] for row in rows(folder)} == {"stack.tiff"}
    assert [row["class"] for row in rows(folder)] == [item["class"] for item in items(folder)]
    assert [float(row["probability_atypical"]) for row in rows(folder)] == [i["confidence"] for i in items(folder)]
    assert [int(row["votes_atypical"]) for row in rows(folder)] == (expected >= 0.5).sum(axis=1).tolist()
    for member in range(3):
        found = [float(row[f"probability_atypical_member_{member + 1}"]) for row in rows(folder)]
        np.testing.assert_allclose(found, expected[:, member], atol=1e-5)
    said = capsys.readouterr()
    atypical = int(((expected >= 0.5).sum(axis=1) >= 2).sum())
    assert 0 < atypical < 9
    assert f"bundle tiny classifier 1 (option: {classifier}), device cpu (CPUExecutionProvider)" in said.out
    assert f"{stack}: {atypical} atypical of 9 -> {folder}" in said.out
    assert said.err == ""


def test_the_evaluation_scores_what_is_written(tmp_path: Path, classifier: Path) -> None:
    drawn = figures(20, SIDE)
    stack = write_tiff_stack(tmp_path / "stack.tiff", drawn)
    assert classify(classifier, tmp_path / "results", stack) == 0
    found = find_results(tmp_path / "results", ["stack.tiff"], CLASSIFICATION.answer_file)
    truth = expected_probabilities(drawn, 3).mean(axis=1) >= 0.2
    scored = scores(truth, *read_classes(found.files["stack.tiff"]))
    called = np.array([row["class"] == "atypical" for row in rows(tmp_path / "results" / "stack")])
    assert 0 < called.sum() < truth.sum() < 20
    assert scored["sensitivity"] == pytest.approx(called.sum() / truth.sum())
    assert scored["specificity"] == 1.0
    assert scored["roc_auc"] == 1.0


def test_the_run_is_recorded(tmp_path: Path, classifier: Path) -> None:
    pages = [*figures(2, SIDE), figure(20), figure(40)]
    stack = write_tiff_stack(tmp_path / "stack.tiff", pages, resolutionunit="NONE")
    assert classify(classifier, tmp_path / "results", stack) == 0
    run = read(tmp_path / "results" / "stack" / "run.json")
    assert run["stack"]["file"] == str(stack)
    first, *others = run["stack"]["pages"]
    assert first == {
        "count": 2,
        "width_px": 32,
        "height_px": 32,
        "spacing_um": [0.25, 0.25],
        "spacing_source": "default",
    }
    assert [(kind["count"], kind["width_px"]) for kind in others] == [(1, 20), (1, 40)]
    assert (run["bundle"]["name"], run["bundle"]["chosen_by"]) == ("tiny classifier", "option")
    assert run["settings"] == {
        "device": "cpu",
        "patch_px": 32,
        "resolution_um_px": 0.25,
        "threshold": 0.5,
        "temperature": 1.0,
        "vote": "majority",
        "rotations": 1,
    }
    assert run["device"] == {"used": "cpu", "providers": ["CPUExecutionProvider"]}
    assert (run["result"]["figures"], run["result"]["mirrored"]) == (4, 1)
    assert run["result"]["atypical"] + run["result"]["normal"] == 4
    assert set(run["seconds"]) == {"classification", "writing"}
    assert run["started"].endswith("+00:00")


def test_a_folder_a_stack_and_single_images_give_the_same(tmp_path: Path, classifier: Path) -> None:
    drawn = figures(3, SIDE)
    (tmp_path / "patches").mkdir()
    for number, pixels in enumerate(drawn):
        write_png(tmp_path / "patches" / f"patch{number + 8}.png", pixels)
    stack = write_mha_stack(tmp_path / "stack.mha", drawn)
    single = tmp_path / "patches" / "patch10.png"
    output = tmp_path / "results"
    assert classify(classifier, output, stack, tmp_path / "patches", single) == 0
    assert items(output / "patches") == items(output / "stack")
    assert items(output / "patch10") == items(output / "stack")[2:]
    assert [row["file"] for row in rows(output / "patches")] == ["patch8.png", "patch9.png", "patch10.png"]


def test_patches_of_other_sizes_are_cut_or_mirrored_and_it_is_said(
    tmp_path: Path, classifier: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = figures(2, 64)
    stack = write_tiff_stack(tmp_path / "stack.tiff", [*whole, whole[0, 16:48, 16:48], whole[1, 20:44, 20:44]])
    assert classify(classifier, tmp_path / "results", stack) == 0
    larger, _, exact, smaller = (item["confidence"] for item in items(tmp_path / "results" / "stack"))
    assert larger == exact
    mirrored = np.pad(whole[1, 20:44, 20:44], ((4, 4), (4, 4), (0, 0)), mode="reflect")[None]
    assert smaller == pytest.approx(expected_probabilities(mirrored, 3).mean(), abs=1e-5)
    assert "of 4, 1 smaller than the network's patch and mirrored -> " in capsys.readouterr().out


def test_the_spacing_given_decides_what_is_cut(tmp_path: Path, classifier: Path) -> None:
    stack = write_tiff_stack(tmp_path / "stack.tiff", [figure(64, 10.0)])
    assert classify(classifier, tmp_path / "as_it_is", stack) == 0
    assert classify(classifier, tmp_path / "finer", stack, "--spacing-um", "0.125") == 0
    (as_it_is,), (finer,) = (items(tmp_path / name / "stack") for name in ("as_it_is", "finer"))
    assert as_it_is["confidence"] > finer["confidence"] + 0.1  # the same disk is half as large in the network's eyes
    (page,) = read(tmp_path / "finer" / "stack" / "run.json")["stack"]["pages"]
    assert (page["spacing_um"], page["spacing_source"]) == ([0.125, 0.125], "option")


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, classifier: Path) -> None:
    stack = write_tiff_stack(tmp_path / "stack.tiff", figures(5, SIDE))
    contents = []
    for name in ("first", "second"):
        assert classify(classifier, tmp_path / name, stack) == 0
        files = [file for file in CLASSIFICATION_FILES if file != "run.json"]
        contents.append([(tmp_path / name / "stack" / file).read_bytes() for file in files])
    assert contents[0] == contents[1]


def test_one_bad_stack_does_not_stop_the_others(
    tmp_path: Path, classifier: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, grey = tmp_path / "bad.tiff", tmp_path / "grey.tiff"
    bad.write_bytes(b"II*\0 and nothing more")
    write_tiff_stack(grey, figures(2, SIDE)[..., 0], photometric="minisblack")
    good = write_tiff_stack(tmp_path / "good.tiff", figures(2, SIDE))
    assert classify(classifier, tmp_path / "results", bad, grey, good, "--json") == 3
    said = capsys.readouterr()
    first, second, third = json.loads(said.out)["stacks"]
    assert "bad.tiff" in first["error"]
    assert "grey.tiff, page 1, is grey, not RGB. Save it as 8-bit RGB." in second["error"]
    assert said.err == f"error: {first['error']}\nerror: {second['error']}\n"
    assert (third["stack"], third["output"]) == (str(good), str(tmp_path / "results" / "good"))
    assert third["figures"] == 2
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["good"]
    assert classify(classifier, tmp_path / "none", bad, grey) == 1


def test_usage_errors_and_foreign_files(tmp_path: Path, classifier: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack = write_tiff_stack(tmp_path / "stack.tiff", figures(1, SIDE))
    assert classify(classifier, tmp_path / "results", stack, tmp_path / "other" / "stack.mha") == 2
    assert "would both be written" in capsys.readouterr().err
    (tmp_path / "results" / "stack").mkdir(parents=True)
    (tmp_path / "results" / "stack" / "detections.csv").touch()
    assert classify(classifier, tmp_path / "results", stack) == 1
    assert "detections.csv lies there already" in capsys.readouterr().err


def test_the_folder_one_stands_in_has_a_name(tmp_path: Path, classifier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "patches" / "deeper").mkdir(parents=True)
    write_png(tmp_path / "patches" / "a.png", figure(SIDE))
    for place, word in ((tmp_path / "patches", "."), (tmp_path / "patches" / "deeper", "..")):
        monkeypatch.chdir(place)
        assert classify(classifier, tmp_path / f"results{word}", word) == 0
        assert len(items(tmp_path / f"results{word}" / "patches")) == 1


def test_a_bundle_that_detects_and_no_bundle_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = write_tiff_stack(tmp_path / "stack.tiff", figures(1, SIDE))
    assert classify(write_tiny_bundle(tmp_path / "detects"), tmp_path / "results", stack) == 1
    assert "is a bundle for detection (tiny 1), not for classification" in capsys.readouterr().err
    monkeypatch.setattr("algorithm.bundle.BUNDLES_DIR", tmp_path)
    assert main(["classify", str(stack), "--output", str(tmp_path / "results")]) == 1
    complaint = capsys.readouterr().err
    assert "names no bundle for classification. Give one with --bundle." in complaint
    assert complaint.count("\n") == 1

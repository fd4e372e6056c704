"""`detection` and `classification` as a person runs them."""

import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.__main__ import main
from tests.evaluation.drawn import CLASSIFICATION_FILE, DETECTION_FILE, draw_classification, draw_detection

DRAW = {"detection": draw_detection, "classification": draw_classification}
ANSWER = {"detection": DETECTION_FILE, "classification": CLASSIFICATION_FILE}


@pytest.fixture(params=["detection", "classification"])
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(task: str, tmp_path: Path) -> Path:
    """truth.csv, good/ and worse/, each with eight cases."""
    return DRAW[task](tmp_path, cases=8)


def run(task: str, folder: Path, *more: str, predictions: str = "good", output: str = "out") -> int:
    words = ["--predictions", folder / predictions, "--ground-truth", folder / "truth.csv", "--output", folder / output]
    return main([task, *map(str, words), *more])


def metrics(folder: Path, output: str = "out") -> Any:
    return json.loads((folder / output / "metrics.json").read_text())


def test_both_files_are_written_and_named(task: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(task, folder) == 0
    said = capsys.readouterr()
    assert {path.name for path in (folder / "out").iterdir()} == {"metrics.json", "report.html"}
    assert said.out.endswith(f"{folder / 'out' / 'metrics.json'}\n{folder / 'out' / 'report.html'}\n")
    assert said.err == ""
    document = metrics(folder)
    assert document["task"] == task
    assert document["intervals"] == {"level": 0.95, "draws": 2000, "drawn": "cases, with replacement"}
    assert document["sources"] == {"predictions": "good", "ground_truth": "truth.csv", "against": None}
    assert document["summary"]["overall"]["cases"] == 8


def test_the_table_says_what_the_file_says(task: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(task, folder, "--against", str(folder / "worse"))
    said = capsys.readouterr().out
    summary = metrics(folder)["summary"]
    for estimate in summary["overall"]["measures"].values():
        assert f"{estimate['value']:.3f}" in said
    for comparison in summary["against"]["differences"].values():
        assert f"{comparison['difference']:+.3f}" in said
        assert f"{comparison['p_value']:.4f}" in said


def test_the_same_results_give_the_same_bytes(task: str, folder: Path) -> None:
    for output in ("one", "two"):
        assert run(task, folder, "--against", str(folder / "worse"), output=output) == 0
    for name in ("metrics.json", "report.html"):
        assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes()


def test_flat_files_are_the_same_results(task: str, folder: Path) -> None:
    (folder / "flat").mkdir()
    for path in (folder / "good").iterdir():
        (path / ANSWER[task]).rename(folder / "flat" / f"{path.name}.json")
        (folder / "good" / path.name / ANSWER[task]).write_bytes((folder / "flat" / f"{path.name}.json").read_bytes())
    run(task, folder)
    run(task, folder, predictions="flat", output="again")
    assert metrics(folder)["summary"] == metrics(folder, "again")["summary"]


def test_a_missing_result_is_an_error(task: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "good" / "003" / ANSWER[task]).unlink()
    assert run(task, folder) == 1
    assert "no result for 1 of 8 images: 003.tiff." in capsys.readouterr().err
    assert not (folder / "out").exists()
    assert run(task, folder, "--only-answered", "--against", str(folder / "worse")) == 0
    assert "1 of 8 images have no result" in capsys.readouterr().err
    assert metrics(folder)["summary"]["overall"]["cases"] == 7


def test_the_other_system_has_to_answer_as_much(task: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "worse" / "003" / ANSWER[task]).unlink()
    assert run(task, folder, "--only-answered", "--against", str(folder / "worse")) == 1
    assert "no result for 1 of 8 images: 003.tiff." in capsys.readouterr().err


def test_a_foreign_result_is_ignored_aloud(task: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "good" / "999.json").write_text("not even JSON")
    assert run(task, folder) == 0
    assert "999.json is ignored: no such image is in the ground truth" in capsys.readouterr().err


def test_every_broken_result_is_named(task: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for stem in ("002", "005"):
        (folder / "good" / stem / ANSWER[task]).write_text("{}")
    assert run(task, folder) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith("error: ") for line in lines] == [True, True]
    assert "002" in lines[0]
    assert "005" in lines[1]


def test_earlier_results_are_replaced_and_nothing_else(
    task: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(task, folder) == run(task, folder, predictions="worse") == 0
    assert metrics(folder)["sources"]["predictions"] == "worse"
    (folder / "out" / "notes.txt").write_text("mine")
    assert run(task, folder) == 1
    assert "notes.txt lies there already" in capsys.readouterr().err
    assert metrics(folder)["sources"]["predictions"] == "worse"


def test_where_results_go_when_nobody_says(folder: Path, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert main([task, "--predictions", "good", "--ground-truth", "truth.csv"]) == 0
    assert (folder / "evaluation-results" / "report.html").is_file()


def test_a_result_of_another_length_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw_classification(tmp_path, cases=2)
    (tmp_path / "good" / "001" / CLASSIFICATION_FILE).write_text("[]")
    assert run("classification", tmp_path) == 1
    assert "has 0 classes for the 16 crops of 001.tiff" in capsys.readouterr().err


def test_optimal_matching_is_an_option(tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text("image,x_mm,y_mm\na.tiff,1,1\na.tiff,1.004,1\nb.tiff,,\n")
    points = [{"name": "mitotic figure", "point": [x, 1.0, 0.0], "probability": 0.9} for x in (1.003, 0.995)]
    document = {"name": "Points of interest", "type": "Multiple points", "version": {"major": 1, "minor": 0}}
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "a.json").write_text(json.dumps({**document, "points": points}))
    (tmp_path / "good" / "b.json").write_text(json.dumps({**document, "points": []}))
    for matching, found in (("greedy", 1), ("optimal", 2)):
        assert run("detection", tmp_path, "--matching", matching) == 0
        summary = metrics(tmp_path)["summary"]
        assert summary["matching"] == matching
        assert summary["overall"]["counts"]["true_positives"] == found
        assert summary["matched_otherwise"] == ["a.tiff"]


@pytest.mark.parametrize("word", ["0", "-1", "nan", "inf", "wide"])
def test_a_spacing_is_a_positive_number(word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run("detection", tmp_path, f"--spacing-um={word}")
    assert "no positive number" in capsys.readouterr().err

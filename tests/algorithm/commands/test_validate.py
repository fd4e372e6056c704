"""`validate FILE` says what a result holds, or names what is wrong with it."""

import json
from pathlib import Path

import numpy as np
import pytest

from algorithm.__main__ import main
from algorithm.contract import classes_document, points_document


def test_a_valid_file_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mitotic-figures.json"
    path.write_text(json.dumps(points_document(np.zeros((3, 2)), np.array([0.1, 0.5, 0.9]), 0.5, (0.25, 0.25))))
    assert main(["validate", str(path)]) == 0
    assert capsys.readouterr().out == f"{path} is valid: 2 mitotic figures of 3 points.\n"


def test_a_valid_file_of_classes_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "multiple-mitotic-figure-classification.json"
    path.write_text(json.dumps(classes_document(np.array([True, False, True]), np.array([1.0, 0.0, 0.4]))))
    assert main(["validate", str(path)]) == 0
    assert capsys.readouterr().out == f"{path} is valid: 2 atypical of 3 figures.\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"class": "atypical", "confidence": 1}]', "Item 0: `confidence` is 1, not written as a float"),
        ('[{"class": "atypical", "confidence": NaN}]', "NaN is no JSON number"),
        ('{"type": "Mulitple points", "points": [], "version": {"major": 1, "minor": 0}}', "`type` is"),
        ('{"type": "Multiple points", "points": [{}], "version": {"major": 1, "minor": 0}}', "Point 0: `name` is miss"),
        ("[" * 100_000, "nested too deeply"),
        ('{"points": NaN}', "NaN is no JSON number"),
    ],
)
def test_an_invalid_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str) -> None:
    path = tmp_path / "mitotic-figures.json"
    path.write_text(text)
    assert main(["validate", str(path)]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("error: ")
    assert complaint.count("\n") == 1
    assert said in complaint


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(tmp_path / "nothing.json")]) == 1
    assert "nothing.json cannot be read" in capsys.readouterr().err

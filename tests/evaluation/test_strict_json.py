"""JSON from elsewhere is read strictly; what is written is there whole or not at all."""

import os
from pathlib import Path
from typing import Any

import pytest

from evaluation.errors import EvaluationError
from evaluation.strict_json import read_json, shown, write_json

HOSTILE = {
    "a million lists deep": ("[" * 1_000_000, "nested too deeply"),
    "a million objects deep": ('{"a":' * 1_000_000, "nested too deeply"),
    "a doubled key": ('{"a": {"b": 1, "c": 1, "b": 2}}', r"the key \"b\" occurs twice"),
    "a doubled key with a line break": ('{"a\\n": 1, "a\\n": 2}', r"the key \"a\\n\" occurs twice"),
    "NaN": ("[NaN]", "NaN is no JSON number"),
    "an infinity": ("[-Infinity]", "-Infinity is no JSON number"),
    "a number beyond all floats": ("[-1e400]", '"-1e400" is too large for a number'),
    "a number of 5,000 digits": ("[" + "9" * 5000 + "]", "not valid JSON"),
    "half a document": ('[{"slug": ', "not valid JSON"),
    "nothing": ("", "not valid JSON"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_documents_are_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    text, problem = HOSTILE[kind]
    path = tmp_path / "predictions.json"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=problem) as caught:
        read_json(path, 10_000_000)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "predictions.json"
    path.write_bytes(b'["\xff\xfe"]')
    with pytest.raises(EvaluationError, match="not valid JSON"):
        read_json(path, 100)


def test_a_file_of_the_largest_size_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    path = tmp_path / "predictions.json"
    path.write_text('{"a": [1.5]}')
    assert read_json(path, 12) == {"a": [1.5]}
    with pytest.raises(EvaluationError, match="larger than 11 bytes"):
        read_json(path, 11)


@pytest.mark.parametrize(
    ("value", "text"),
    [({"a": 1}, "an object of 1"), ([1, 2], "a list of 2"), ("a\nb", r'"a\nb"'), (None, "null"), ("x" * 99, None)],
)
def test_values_are_shown_in_one_short_line(value: Any, text: str | None) -> None:
    assert shown(value) == (text or '"' + "x" * 56 + "...")


def test_a_document_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_text("old")
    write_json(path, {"a": None})
    assert read_json(path, 100) == {"a": None}
    assert [entry.name for entry in tmp_path.iterdir()] == ["metrics.json"]


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EvaluationError, match=r"metrics.json cannot be written: No space left on device"):
        write_json(tmp_path / "metrics.json", {})
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_json_is_a_mistake_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "metrics.json", {"a": float("nan")})
    assert list(tmp_path.iterdir()) == []

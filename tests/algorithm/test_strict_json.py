"""JSON from elsewhere is read strictly, in bounded time and memory."""

from pathlib import Path

import pytest

from algorithm.errors import InputError
from algorithm.strict_json import read_json

HOSTILE = {
    "a million lists deep": ("[" * 1_000_000, "nested too deeply"),
    "a million objects deep": ('{"a":' * 1_000_000, "nested too deeply"),
    "a doubled key": ('{"a": {"b": 1, "b": 2}}', r"the key \"b\" occurs twice"),
    "a doubled key with a line break": ('{"a\\n": 1, "a\\n": 2}', r"the key \"a\\n\" occurs twice"),
    "NaN": ("[NaN]", "NaN is no JSON number"),
    "an infinity": ("[-Infinity]", "-Infinity is no JSON number"),
    "a number of 5,000 digits": ("[" + "9" * 5000 + "]", "not valid JSON"),
    "half a document": ('[{"slug": ', "not valid JSON"),
    "nothing": ("", "not valid JSON"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_documents_are_refused_in_one_line(case: str, tmp_path: Path) -> None:
    text, problem = HOSTILE[case]
    path = tmp_path / "inputs.json"
    path.write_text(text)
    with pytest.raises(InputError, match=problem) as caught:
        read_json(path, 10_000_000)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "inputs.json"
    path.write_bytes(b'["\xff\xfe"]')
    with pytest.raises(InputError, match="not valid JSON"):
        read_json(path, 100)


def test_a_hundred_megabytes_are_refused_by_their_size(tmp_path: Path) -> None:
    path = tmp_path / "inputs.json"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    with pytest.raises(InputError, match="larger than 1,000,000 bytes"):
        read_json(path, 1_000_000)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"inputs\.json cannot be read: No such file"):
        read_json(tmp_path / "inputs.json", 100)


def test_a_sound_document_is_read(tmp_path: Path) -> None:
    path = tmp_path / "inputs.json"
    path.write_text('[{"a": 1.5, "b": null}]')
    assert read_json(path, 100) == [{"a": 1.5, "b": None}]

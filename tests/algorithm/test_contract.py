"""The output document: what is written is valid, what is invalid is named, and a killed writer leaves no half file."""

import copy
import json
import math
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithm import contract
from algorithm.errors import AlgorithmError, ContractError

SPACING = (0.25, 0.25)
ODD_SCORES = st.sampled_from([0.0, 1.0, 1.0 + 1e-7, -1e-9, 1.0 + 1e-5, -0.1, math.nan, math.inf, -math.inf])
SCORES = st.lists(st.one_of(st.floats(0.0, 1.0, width=32), ODD_SCORES), max_size=30)


def document(count: int = 3) -> Any:
    points = np.linspace(10.0, 900.0, 2 * count).reshape(count, 2)
    return contract.points_document(points, np.linspace(0.2, 0.9, count), 0.5, SPACING)


@given(SCORES, st.floats(0.0, 1.0))
def test_any_scores_give_a_valid_document_or_a_contract_error(scores: list[float], threshold: float) -> None:
    points = np.zeros((len(scores), 2))
    sound = all(-contract.ROUNDING <= score <= 1.0 + contract.ROUNDING for score in scores)
    if not sound:
        with pytest.raises(ContractError, match="no probability"):
            contract.points_document(points, np.array(scores), threshold, SPACING)
        return
    written = json.dumps(contract.points_document(points, np.array(scores), threshold, SPACING), allow_nan=False)
    contract.validate_points_document(json.loads(written))


@given(SCORES, st.data())
def test_any_confidences_give_valid_classes_or_a_contract_error(confidences: list[float], data: st.DataObject) -> None:
    count = len(confidences)
    called = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)), bool)
    if not all(-contract.ROUNDING <= value <= 1.0 + contract.ROUNDING for value in confidences):
        with pytest.raises(ContractError, match="no probability"):
            contract.classes_document(called, np.array(confidences))
        return
    text = json.dumps(contract.classes_document(called, np.array(confidences)), allow_nan=False)
    read = json.loads(text)
    contract.validate_classes_document(read)
    assert [item["class"] == "atypical" for item in read] == called.tolist()
    assert all(type(item["confidence"]) is float for item in read)
    np.testing.assert_allclose([item["confidence"] for item in read], confidences, atol=1.1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.bool_])
def test_whole_confidences_are_written_as_floats(dtype: type[np.generic]) -> None:
    document = contract.classes_document(np.array([True, False]), np.array([1, 0], dtype=dtype))
    assert json.dumps(document) == (
        '[{"class": "atypical", "confidence": 1.0}, {"class": "normal", "confidence": 0.0}]'
    )


def test_no_figures_are_an_empty_list_of_classes() -> None:
    assert contract.classes_document(np.empty(0, bool), np.empty(0)) == []


WRONG_CLASSES: list[tuple[Any, str]] = [
    ({"class": "normal", "confidence": 0.5}, "The document is an object of 2, not a list."),
    (["normal"], 'Item 0 is "normal", not an object.'),
    ([{"class": "normal"}], "Item 0: `confidence` is missing."),
    ([{"confidence": 0.5}], "Item 0: `class` is missing."),
    (
        [{"class": "normal", "confidence": 0.5}, {"class": "Atypical", "confidence": 0.5}],
        'Item 1: `class` is "Atypical"',
    ),
    ([{"class": "normal", "confidence": 0}], "Item 0: `confidence` is 0, not written as a float"),
    ([{"class": "normal", "confidence": True}], "Item 0: `confidence` is true, not written as a float"),
    ([{"class": "normal", "confidence": "0.5"}], "not written as a float"),
    ([{"class": "normal", "confidence": None}], "Item 0: `confidence` is null"),
    ([{"class": "normal", "confidence": math.nan}], "Item 0: `confidence` is NaN, outside 0 to 1"),
    ([{"class": "normal", "confidence": 1.5}], "Item 0: `confidence` is 1.5, outside 0 to 1"),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG_CLASSES)
def test_the_first_offending_class_is_named(wrong: Any, said: str) -> None:
    with pytest.raises(ContractError) as caught:
        contract.validate_classes_document(wrong)
    assert said in caught.value.problem
    assert contract.CLASSES_FILE in caught.value.fix


def test_ten_thousand_random_detections_survive_the_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    points, scores = rng.uniform(0, 40_000, (10_000, 2)), rng.uniform(0, 1, 10_000).astype(np.float32)
    scores[:4] = 0.0, 1.0, 1.0 + 1e-7, 0.5
    path = tmp_path / contract.MITOTIC_FIGURES_FILE
    contract.write_json_atomically(path, contract.points_document(points, scores, 0.5, SPACING))
    read = json.loads(path.read_text())
    contract.validate_points_document(read)
    figures = [item["name"] == contract.MITOTIC_FIGURE for item in read["points"]]
    np.testing.assert_array_equal(figures, scores >= 0.5)
    np.testing.assert_allclose([item["probability"] for item in read["points"]], scores, atol=1e-6)


def test_no_detections_are_an_empty_list() -> None:
    empty = contract.points_document(np.empty((0, 2)), np.empty(0), 0.5, SPACING)
    assert empty == {
        "name": "Points of interest",
        "type": "Multiple points",
        "points": [],
        "version": {"major": 1, "minor": 0},
    }


def test_millimetres_are_pixels_times_spacing_without_a_shift() -> None:
    written: Any = contract.points_document(
        np.array([[0.0, 0.0], [100.0, 200.0]]), np.array([0.1, 0.9]), 0.5, (0.25, 0.5)
    )
    assert written["points"][0]["point"] == [0.0, 0.0, 0.0]
    assert written["points"][1]["point"] == pytest.approx([0.025, 0.1, 0.0], abs=1e-15)


def test_pixels_come_back_from_millimetres() -> None:
    rng = np.random.default_rng(2)
    points, spacing = rng.uniform(0, 100_000, (100_000, 2)), (0.2425, 0.2531)
    back = contract.points_mm(points, spacing) * 1000.0 / np.array(spacing)
    assert np.abs(back - points).max() < 1e-6


def test_a_point_the_evaluator_would_take_for_a_pixel_is_refused() -> None:
    with pytest.raises(ContractError, match=r"^Point 1: y is 10\.25,"):
        contract.points_document(np.array([[1.0, 2.0], [3.0, 41_000.0]]), np.array([0.5, 0.5]), 0.5, SPACING)


def test_an_image_beyond_the_largest_coordinate_is_refused() -> None:
    contract.require_extent(40_000, 40_000, SPACING)
    with pytest.raises(ContractError, match=r"10\.0 x 10\.2 mm.*smaller regions"):
        contract.require_extent(40_000, 41_000, SPACING)


def put(*path: Any) -> Callable[[Any], Any]:
    """Sets the place path[:-1] of a document to path[-1]."""

    def change(document: Any) -> Any:
        place = document
        for key in path[:-2]:
            place = place[key]
        place[path[-2]] = path[-1]
        return document

    return change


def drop(*path: Any) -> Callable[[Any], Any]:
    def change(document: Any) -> Any:
        place = document
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]
        return document

    return change


MALFORMED = {
    "a list": (lambda document: [document], "The document is a list of 1, not an object."),
    "no version": (drop("version"), "The document: `version` is missing."),
    "half a version": (drop("version", "minor"), "`version`: `minor` is missing."),
    "a text for a version": (put("version", "major", "1"), '`version`: `major` is "1", not a number.'),
    "no points": (drop("points"), "The document: `points` is missing."),
    "points in an object": (put("points", {}), "The document: `points` is an object of 0, not a list."),
    "the reference's typo": (put("type", "Mulitple points"), 'The document: `type` is "Mulitple points"'),
    "an extra key": (put("spacing", 0.25), 'The document: the key "spacing" is not allowed.'),
    "a number for a name": (put("name", 7), "The document: `name` is 7, not a text."),
    "a point with an extra key": (put("points", 1, "score", 0.5), 'Point 1: the key "score" is not allowed.'),
    "a point without a name": (drop("points", 1, "name"), "Point 1: `name` is missing."),
    "a point without a probability": (drop("points", 2, "probability"), "Point 2: `probability` is missing."),
    "a point without a place": (drop("points", 0, "point"), "Point 0: `point` is missing."),
    "an unknown name": (put("points", 1, "name", "mitosis"), 'Point 1: `name` is "mitosis", neither'),
    "two coordinates": (put("points", 1, "point", [1.0, 2.0]), "Point 1: `point` is a list of 2, not a list of three"),
    "a null coordinate": (put("points", 1, "point", 0, None), "Point 1: x is null, not a number."),
    "a truth for a coordinate": (put("points", 1, "point", 1, True), "Point 1: y is true, not a number."),
    "pixels for millimetres": (put("points", 2, "point", 0, 412.0), "Point 2: x is 412.0, outside -0.0075 to 10.0 mm."),
    "left of the image": (put("points", 2, "point", 1, -0.01), "Point 2: y is -0.01, outside"),
    "an endless coordinate": (put("points", 2, "point", 2, math.inf), "Point 2: z is Infinity, not a finite number."),
    "a huge whole number": (put("points", 2, "point", 2, 10**400), "Point 2: z is 1000"),
    "a probability above one": (
        put("points", 1, "probability", 1.01),
        "Point 1: `probability` is 1.01, outside 0 to 1.",
    ),
    "a probability that is NaN": (
        put("points", 1, "probability", math.nan),
        "Point 1: `probability` is NaN, not a fin",
    ),
    "a probability in text": (put("points", 1, "probability", "0.5"), 'Point 1: `probability` is "0.5", not a number.'),
    "a point in a list": (put("points", 1, [0.1, 0.2]), "Point 1 is a list of 2, not an object."),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_the_first_offending_item_is_named(case: str) -> None:
    change, said = MALFORMED[case]
    with pytest.raises(ContractError, match="^" + re.escape(said)):
        contract.validate_points_document(change(copy.deepcopy(document())))


def test_of_two_offending_points_the_first_is_named() -> None:
    broken = put("points", 2, "probability", 2)(put("points", 1, "name", "x")(document()))
    with pytest.raises(ContractError, match=r"^Point 1:"):
        contract.validate_points_document(broken)


KEEP_WRITING = """
import sys
from pathlib import Path
from algorithm.contract import write_json_atomically
path = Path(sys.argv[1])
print("ready", flush=True)
while True:
    write_json_atomically(path, {"points": list(range(20_000))})
    path.unlink()
"""


def test_a_killed_writer_leaves_the_whole_file_or_none(tmp_path: Path) -> None:
    path = tmp_path / "points.json"
    for attempt in range(20):
        writer = subprocess.Popen([sys.executable, "-c", KEEP_WRITING, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(0.003 * attempt)
        writer.kill()
        writer.communicate()
        if path.exists():
            assert json.loads(path.read_text()) == {"points": list(range(20_000))}
            path.unlink()


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(AlgorithmError, match=r"points\.json cannot be written: File too large\. Free some space"):
            contract.write_json_atomically(tmp_path / "points.json", list(range(10_000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_takes_no_files_is_named(tmp_path: Path) -> None:
    (tmp_path / "output").write_text("a file, not a folder")
    with pytest.raises(AlgorithmError, match="cannot be written: Not a directory"):
        contract.write_json_atomically(tmp_path / "output" / "points.json", [])

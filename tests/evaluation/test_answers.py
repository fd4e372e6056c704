"""Answers are read as they stand, and what the platform or the official evaluators refuse is refused in one line."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.answers import ANSWER_MAX_BYTES, read_classes, read_points
from evaluation.errors import EvaluationError
from tests.evaluation.submissions import crops, document

POINTS = document([(0.1, 0.2, True, 0.9), (0.3, -0.0075, False, 0)])
CLASSES = crops(0.9, 0.1, 0.0, 1.0)


def written(folder: Path, content: Any) -> Path:
    path = folder / "answer.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_points_are_read_in_their_order(tmp_path: Path) -> None:
    points_mm, scores, figures = read_points(written(tmp_path, POINTS))
    np.testing.assert_array_equal(points_mm, [[0.1, 0.2], [0.3, -0.0075]])
    np.testing.assert_array_equal(scores, [0.9, 0])
    np.testing.assert_array_equal(figures, [True, False])
    assert (points_mm.dtype, scores.dtype, figures.dtype) == (np.float64, np.float64, np.bool_)


def test_no_points(tmp_path: Path) -> None:
    points_mm, scores, figures = read_points(written(tmp_path, document([])))
    assert (points_mm.shape, scores.shape, figures.shape) == ((0, 2), (0,), (0,))
    assert figures.dtype == np.bool_


def test_what_may_be_left_out_or_be_any_number(tmp_path: Path) -> None:
    content = copy.deepcopy(POINTS)
    del content["name"]
    content["points"][0] |= {"type": "Point", "point": [10, 10.0, -7]}
    points_mm, _, _ = read_points(written(tmp_path, content))
    np.testing.assert_array_equal(points_mm[0], [10, 10])


def first(**changes: Any) -> Callable[[Any], None]:
    """Changes of the first point; None takes a key away."""

    def change(content: Any) -> None:
        for key, value in changes.items():
            if value is None:
                del content["points"][0][key]
            else:
                content["points"][0][key] = value

    return change


def top(**changes: Any) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        for key, value in changes.items():
            if value is None:
                del content[key]
            else:
                content[key] = value

    return change


WRONG_POINTS: dict[str, tuple[Callable[[Any], None], str]] = {
    "no points": (top(points=None), "`points` is missing"),
    "points that are no list": (top(points={"a": 1}), "`points` is an object of 1, not a list"),
    "a mistyped type": (top(type="Mulitple points"), '`type` is "Mulitple points"'),
    "no version": (top(version=None), "`version` is missing"),
    "a half version": (top(version={"major": 1}), "`minor` is missing"),
    "a broken version": (top(version={"major": 1, "minor": 0.5}), "not a whole number"),
    "a key too many": (top(colour="red"), 'the key "colour" is not allowed'),
    "a title that is no text": (top(name=3), "`name` is 3, not a text"),
    "a point that is a list": (lambda content: content["points"].insert(0, [1, 2]), "Point 0 is a list of 2"),
    "no name": (first(name=None), "Point 0: `name` is missing"),
    "another name": (first(name="mitosis"), 'Point 0: `name` is "mitosis"'),
    "a name of another kind": (first(name=["mitotic figure"]), "Point 0: `name` is a list of 1"),
    "no probability": (first(probability=None), "`probability` is missing"),
    "a probability above 1": (first(probability=1.001), "1.001, outside 0 to 1"),
    "a negative probability": (first(probability=-0.1), "-0.1, outside 0 to 1"),
    "a probability in text": (first(probability="0.5"), 'Point 0: `probability` is "0.5", not a number'),
    "a true probability": (first(probability=True), "Point 0: `probability` is true, not a number"),
    "no place": (first(point=None), "`point` is missing"),
    "two coordinates": (first(point=[0.1, 0.2]), "not a list of three numbers"),
    "a coordinate that is none": (first(point=[0.1, 0.2, "0"]), 'Point 0: z is "0", not a number'),
    "pixels": (first(point=[10.01, 0.2, 0]), "x is 10.01, outside -0.0075 to 10.0 mm .are these pixels"),
    "a point beside the image": (first(point=[0.1, -0.00751, 0]), "y is -0.00751, outside"),
    "a number without end": (first(point=[0.1, 10**400, 0]), "not a finite number"),
    "another kind of point": (first(type="Polygon"), '`type` is "Polygon", not "Point"'),
    "a colour": (first(colour=1), 'Point 0: the key "colour" is not allowed'),
}


@pytest.mark.parametrize("kind", WRONG_POINTS)
def test_wrong_points_are_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    change, problem = WRONG_POINTS[kind]
    content = copy.deepcopy(POINTS)
    change(content)
    path = written(tmp_path, content)
    with pytest.raises(EvaluationError, match=problem) as caught:
        read_points(path)
    assert len(caught.value.problems) == 1
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("reader", [read_points, read_classes])
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "not valid JSON"),
        ('{"points": [', "not valid JSON"),
        ('{"points": [], "points": []}', "occurs twice"),
        ('[{"class": "normal", "confidence": NaN}]', "NaN is no JSON number"),
        ('[{"class": "normal", "confidence": 1e999}]', "too large for a number"),
        ("[" * 100_000, "nested too deeply"),
        ('"text"', "The document is"),
    ],
)
def test_what_is_no_strict_json_is_refused(
    reader: Callable[[Path], Any], content: str, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(EvaluationError, match=problem):
        reader(written(tmp_path, content))


def test_an_absent_file_and_a_huge_one(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="cannot be read: No such file"):
        read_points(tmp_path / "answer.json")
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(ANSWER_MAX_BYTES + 1)
    with pytest.raises(EvaluationError, match="is larger than 64,000,000 bytes"):
        read_points(tmp_path / "huge.json")


def test_classes_are_read_in_their_order(tmp_path: Path) -> None:
    answers, confidences = read_classes(written(tmp_path, CLASSES))
    np.testing.assert_array_equal(answers, [True, False, False, True])
    np.testing.assert_array_equal(confidences, [0.9, 0.1, 0, 1])
    assert (answers.dtype, confidences.dtype) == (np.bool_, np.float64)


def test_no_classes(tmp_path: Path) -> None:
    answers, confidences = read_classes(written(tmp_path, []))
    assert (answers.shape, answers.dtype, confidences.shape) == ((0,), np.bool_, (0,))


def test_what_the_official_evaluator_takes_is_taken(tmp_path: Path) -> None:
    answers, confidences = read_classes(written(tmp_path, [{"class": "normal", "confidence": 1.5, "why": "dark"}]))
    assert (answers.tolist(), confidences.tolist()) == ([False], [1.5])


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        (["normal", 0.5], "Item 4 is a list of 2, not an object"),
        ({"confidence": 0.5}, "Item 4: `class` is missing"),
        ({"class": "normal"}, "Item 4: `confidence` is missing"),
        ({"class": "Normal", "confidence": 0.5}, 'Item 4: `class` is "Normal"'),
        ({"class": 0, "confidence": 0.5}, "Item 4: `class` is 0"),
        ({"class": "normal", "confidence": 0}, "Item 4: `confidence` is 0, not written as a float"),
        ({"class": "atypical", "confidence": 1}, "Item 4: `confidence` is 1, not written as a float"),
        ({"class": "atypical", "confidence": "0.5"}, 'Item 4: `confidence` is "0.5", not written as a float'),
        ({"class": "atypical", "confidence": None}, "Item 4: `confidence` is null"),
    ],
)
def test_wrong_classes_are_refused_in_one_line(item: Any, problem: str, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=problem) as caught:
        read_classes(written(tmp_path, [*CLASSES, item]))
    assert "\n" not in str(caught.value)


def test_classes_are_a_list(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="The document is an object of 1, not a list"):
        read_classes(written(tmp_path, {"class": "normal"}))

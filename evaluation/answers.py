"""Answers as a contestant hands them in, held against the platform's schema and the official evaluators' rules."""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from evaluation.cases import Flags, Floats
from evaluation.contract import (
    ATYPICAL,
    DOCUMENT_TYPE,
    HIGHEST_MM,
    LOWEST_MM,
    MITOTIC_FIGURE,
    NON_MITOTIC_FIGURE,
    NORMAL,
)
from evaluation.errors import EvaluationError, ItemError
from evaluation.strict_json import read_json, shown

ANSWER_MAX_BYTES = 64_000_000


def read_points(path: Path) -> tuple[Floats, Floats, Flags]:
    """The points of a mitotic-figures.json, in its order.

    Returns points_mm (M, 2), x then y, mm; scores (M,), probabilities; figures (M,), whether a point is named "mitotic
    figure". Raises EvaluationError, in one line, for the first thing that the platform or the official evaluator would
    refuse. Source: the platform's schema of multiple points; MIDOG25_T1_evaluation_docker, evaluate.py.
    """
    document = read_json(path, ANSWER_MAX_BYTES)
    try:
        points = [_point(item, f"Point {index}") for index, item in enumerate(_items(document))]
    except ItemError as error:
        raise EvaluationError(f"{path}: {error}") from error
    table = np.array(points, dtype=np.float64).reshape(-1, 4)
    return table[:, :2], table[:, 2], table[:, 3] == 1


def read_classes(path: Path) -> tuple[Flags, Floats]:
    """The classes of a multiple-mitotic-figure-classification.json, in its order, which is that of the stack.

    Returns answers (N,), whether a crop was called atypical, and confidences (N,), P(atypical). Raises EvaluationError,
    in one line, for the first thing that the official evaluator would refuse. A confidence must be written as a float,
    "1.0", never "1"; that it lies in [0, 1] is not asked. Source: MIDOG25_T2_evaluation_docker, evaluate.py.
    """
    document = read_json(path, ANSWER_MAX_BYTES)
    try:
        if not isinstance(document, list):
            raise ItemError(f"The document is {shown(document)}, not a list.")
        classes = [_class(item, f"Item {index}") for index, item in enumerate(document)]
    except ItemError as error:
        raise EvaluationError(f"{path}: {error}") from error
    return (
        np.array([answer for answer, _ in classes], dtype=np.bool_),
        np.array([confidence for _, confidence in classes], dtype=np.float64),
    )


def _items(document: object) -> list[object]:
    where = "The document"
    top = _object(document, where, required=("version", "type", "points"), optional=("name",))
    if not isinstance(top.get("name", ""), str):
        raise ItemError(f"{where}: `name` is {shown(top['name'])}, not a text.")
    if top["type"] != DOCUMENT_TYPE:
        raise ItemError(f'{where}: `type` is {shown(top["type"])}, not "{DOCUMENT_TYPE}".')
    version = _object(top["version"], "`version`", required=("major", "minor"))
    for key, value in version.items():
        number = _number(value, f"`version`: `{key}`")
        if number < 0 or number != int(number):
            raise ItemError(f"`version`: `{key}` is {shown(value)}, not a whole number from 0 on.")
    if not isinstance(top["points"], list):
        raise ItemError(f"{where}: `points` is {shown(top['points'])}, not a list.")
    return top["points"]


def _point(item: object, where: str) -> tuple[float, float, float, bool]:
    """x and y in mm, the probability, and whether it is a mitotic figure."""
    point = _object(item, where, required=("name", "point", "probability"), optional=("type",))
    name, place = point["name"], point["point"]
    if name not in (MITOTIC_FIGURE, NON_MITOTIC_FIGURE):
        raise ItemError(f'{where}: `name` is {shown(name)}, neither "{MITOTIC_FIGURE}" nor "{NON_MITOTIC_FIGURE}".')
    if point.get("type", "Point") != "Point":
        raise ItemError(f'{where}: `type` is {shown(point["type"])}, not "Point".')
    if not isinstance(place, list) or len(place) != 3:
        raise ItemError(f"{where}: `point` is {shown(place)}, not a list of three numbers.")
    x, y, _ = (_number(value, f"{where}: {axis}") for axis, value in zip("xyz", place, strict=True))
    for axis, value, written in zip("xy", (x, y), place, strict=False):
        if not LOWEST_MM <= value <= HIGHEST_MM:
            hint = " (are these pixels? millimetres are asked for)" if value > HIGHEST_MM else ""
            raise ItemError(f"{where}: {axis} is {shown(written)}, outside {LOWEST_MM} to {HIGHEST_MM} mm{hint}.")
    probability = _number(point["probability"], f"{where}: `probability`")
    if not 0.0 <= probability <= 1.0:
        raise ItemError(f"{where}: `probability` is {shown(point['probability'])}, outside 0 to 1.")
    return x, y, probability, name == MITOTIC_FIGURE


def _class(item: object, where: str) -> tuple[bool, float]:
    """Whether a crop is called atypical, and P(atypical)."""
    if not isinstance(item, dict):
        raise ItemError(f"{where} is {shown(item)}, not an object.")
    for key in ("class", "confidence"):
        if key not in item:
            raise ItemError(f"{where}: `{key}` is missing.")
    if item["class"] not in (NORMAL, ATYPICAL):
        raise ItemError(f'{where}: `class` is {shown(item["class"])}, neither "{NORMAL}" nor "{ATYPICAL}".')
    if not isinstance(item["confidence"], float):
        raise ItemError(f"{where}: `confidence` is {shown(item['confidence'])}, not written as a float such as 1.0.")
    return item["class"] == ATYPICAL, item["confidence"]


def _object(
    value: object, where: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ItemError(f"{where} is {shown(value)}, not an object.")
    for key in required:
        if key not in value:
            raise ItemError(f"{where}: `{key}` is missing.")
    for key in value:
        if key not in required + optional:
            raise ItemError(f"{where}: the key {shown(key)} is not allowed.")
    return value


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ItemError(f"{where} is {shown(value)}, not a number.")
    if not abs(value) <= sys.float_info.max:
        raise ItemError(f"{where} is {shown(value)}, not a finite number.")
    return float(value)

"""What the platform asks for: sockets, folders, file names and output documents. Its literals stand here alone."""

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algorithm.errors import AlgorithmError, ContractError

INPUT_FOLDER = Path("/input")
OUTPUT_FOLDER = Path("/output")
MODEL_FOLDER = "/opt/ml/model"
INPUTS_FILE = "inputs.json"
MITOTIC_FIGURES_FILE = "mitotic-figures.json"
CLASSES_FILE = "multiple-mitotic-figure-classification.json"
IMAGE_SUFFIXES = (".tif", ".tiff", ".mha")

DOCUMENT_NAME = "Points of interest"
DOCUMENT_TYPE = "Multiple points"
DOCUMENT_VERSION = {"major": 1, "minor": 0}
MITOTIC_FIGURE = "mitotic figure"
NON_MITOTIC_FIGURE = "non-mitotic figure"

NORMAL = "normal"
ATYPICAL = "atypical"
PATCH_SPACING_UM = 0.25
"""Of the challenge's patches, 128 x 128 px each, which need not say it."""

LOWEST_MM = -0.0075
"""The evaluator rejects x or y below this (one matching radius outside the image)."""
HIGHEST_MM = 10.0
"""The evaluator rejects x or y above this: it takes them for pixels."""
ROUNDING = 1e-6
"""How far a probability may lie outside [0, 1] and still be taken for a rounding error."""
CONFIDENCE_DECIMALS = 6
"""More would only be the runtime's rounding; fewer would make ties that the evaluator's ROC curve counts."""


@dataclass(frozen=True)
class Socket:
    """One kind of input: the slug that announces it, its folder below the input folder, the file that answers it."""

    slug: str
    folder: str
    output_file: str


REGION_SOCKET = Socket(
    slug="histopathology-region-of-interest-cropout",
    folder="images/histopathology-roi-cropout",
    output_file=MITOTIC_FIGURES_FILE,
)
STACK_SOCKET = Socket(
    slug="stacked-histopathology-roi-cropouts",
    folder="images/stacked-histopathology-roi-cropouts",
    output_file=CLASSES_FILE,
)
SOCKETS: dict[tuple[str, ...], Socket] = {(socket.slug,): socket for socket in (REGION_SOCKET, STACK_SOCKET)}
"""The supported inputs, by the sorted slugs of a request."""


def point_name(score: float, threshold: float) -> str:
    """The platform's name of a detection: a mitotic figure from the decision threshold on."""
    return MITOTIC_FIGURE if score >= threshold else NON_MITOTIC_FIGURE


def points_mm(points_px: NDArray[np.float64], spacing_um: tuple[float, float]) -> NDArray[np.float64]:
    """Millimetres on the platform's plane: mm = px * spacing, pixel centres at whole numbers, no half-pixel shift.

    points_px: (N, 2), x then y, px at level 0; spacing_um: (x, y), um/px. Returns (N, 2).
    """
    return np.asarray(points_px, dtype=np.float64).reshape(-1, 2) * (np.asarray(spacing_um, dtype=np.float64) / 1000.0)


def probabilities(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """The scores (N,) within [0, 1], rounding errors clamped; ContractError for NaN, infinity and what lies outside."""
    values = np.asarray(scores, dtype=np.float64).reshape(-1)
    with np.errstate(invalid="ignore"):
        wrong = ~((values >= -ROUNDING) & (values <= 1.0 + ROUNDING))
    if wrong.any():
        index = int(np.argmax(wrong))
        raise ContractError(
            f"Detection {index} has the score {values[index]}, which is no probability.",
            "The model bundle is at fault: use another one and report this one.",
        )
    return np.clip(values, 0.0, 1.0)


def require_extent(width_px: int, height_px: int, spacing_um: tuple[float, float]) -> None:
    """ContractError where an image reaches beyond the largest coordinate that the evaluator takes."""
    x_mm, y_mm = points_mm(np.array([[width_px, height_px]], dtype=np.float64), spacing_um)[0]
    if max(x_mm, y_mm) > HIGHEST_MM:
        raise ContractError(
            f"The image spans {x_mm:.1f} x {y_mm:.1f} mm, and {MITOTIC_FIGURES_FILE} holds at most "
            f"{HIGHEST_MM:g} mm on a side.",
            "Cut it into smaller regions.",
        )


def points_document(
    points_px: NDArray[np.float64], scores: NDArray[np.floating], threshold: float, spacing_um: tuple[float, float]
) -> dict[str, object]:
    """The document of mitotic-figures.json; all detections, named by the decision threshold.

    points_px: (N, 2) float64, x then y, px at level 0; scores: (N,); spacing_um: (x, y), um/px.
    Raises ContractError for a score that is no probability and for a point that the evaluator would reject.
    """
    places = points_mm(points_px, spacing_um)
    values = probabilities(scores)
    if len(places) != len(values):
        raise ValueError(f"{len(places)} points, but {len(values)} scores")
    document: dict[str, object] = {
        "name": DOCUMENT_NAME,
        "type": DOCUMENT_TYPE,
        "points": [
            {"name": point_name(value, threshold), "point": [x_mm, y_mm, 0.0], "probability": value}
            for (x_mm, y_mm), value in zip(places.tolist(), values.tolist(), strict=True)
        ],
        "version": dict(DOCUMENT_VERSION),
    }
    validate_points_document(document)
    return document


def validate_points_document(document: object) -> None:
    """Hold a parsed document against the platform's schema (MPOI) and the official evaluator's rules.

    Raises ContractError naming the first offending item.
    """
    where = "The document"
    top = _object(document, where, required=("version", "type", "points"), optional=("name",))
    if "name" in top and not isinstance(top["name"], str):
        raise _offence(f"{where}: `name` is {_shown(top['name'])}, not a text.")
    if top["type"] != DOCUMENT_TYPE:
        raise _offence(f'{where}: `type` is {_shown(top["type"])}, not "{DOCUMENT_TYPE}".')
    version = _object(top["version"], "`version`", required=("major", "minor"))
    for key, value in version.items():
        number = _number(value, f"`version`: `{key}`")
        if number < 0 or number != int(number):
            raise _offence(f"`version`: `{key}` is {_shown(value)}, not a whole number from 0 on.")
    if not isinstance(top["points"], list):
        raise _offence(f"{where}: `points` is {_shown(top['points'])}, not a list.")
    for index, item in enumerate(top["points"]):
        _validate_point(item, f"Point {index}")


def classes_document(atypical: NDArray[np.bool_], confidences: NDArray[np.floating]) -> list[dict[str, object]]:
    """The document of multiple-mitotic-figure-classification.json, an item a figure in their order.

    atypical: (N,), the class; confidences: (N,), P(atypical) whatever the class. They are written as floats, 1.0 and
    not 1, which the official evaluator asks for. Raises ContractError for a confidence that is no probability.
    """
    values = probabilities(confidences).round(CONFIDENCE_DECIMALS).tolist()
    document: list[dict[str, object]] = [
        {"class": class_name(called), "confidence": value}
        for called, value in zip(atypical.tolist(), values, strict=True)
    ]
    validate_classes_document(document)
    return document


def class_name(atypical: bool) -> str:
    """The platform's name of a class."""
    return ATYPICAL if atypical else NORMAL


def validate_classes_document(document: object) -> None:
    """Hold a parsed document of classes against the official evaluator's rules; a confidence is a probability too.

    Raises ContractError naming the first offending item. Source: MIDOG25_T2_evaluation_docker, evaluate.py.
    """
    if not isinstance(document, list):
        raise _offence(f"The document is {_shown(document)}, not a list.", CLASSES_FILE)
    for index, item in enumerate(document):
        where = f"Item {index}"
        if not isinstance(item, dict):
            raise _offence(f"{where} is {_shown(item)}, not an object.", CLASSES_FILE)
        for key in ("class", "confidence"):
            if key not in item:
                raise _offence(f"{where}: `{key}` is missing.", CLASSES_FILE)
        if item["class"] not in (NORMAL, ATYPICAL):
            said = _shown(item["class"])
            raise _offence(f'{where}: `class` is {said}, neither "{NORMAL}" nor "{ATYPICAL}".', CLASSES_FILE)
        confidence = item["confidence"]
        if not isinstance(confidence, float):
            said = _shown(confidence)
            raise _offence(f"{where}: `confidence` is {said}, not written as a float such as 1.0.", CLASSES_FILE)
        if not 0.0 <= confidence <= 1.0:
            raise _offence(f"{where}: `confidence` is {_shown(confidence)}, outside 0 to 1.", CLASSES_FILE)


def _validate_point(item: object, where: str) -> None:
    point = _object(item, where, required=("name", "point", "probability"), optional=("type",))
    if point["name"] not in (MITOTIC_FIGURE, NON_MITOTIC_FIGURE):
        raise _offence(
            f'{where}: `name` is {_shown(point["name"])}, neither "{MITOTIC_FIGURE}" nor "{NON_MITOTIC_FIGURE}".'
        )
    if point.get("type", "Point") != "Point":
        raise _offence(f'{where}: `type` is {_shown(point["type"])}, not "Point".')
    place = point["point"]
    if not isinstance(place, list) or len(place) != 3:
        raise _offence(f"{where}: `point` is {_shown(place)}, not a list of three numbers.")
    for axis, value in zip("xyz", place, strict=True):
        number = _number(value, f"{where}: {axis}")
        if axis != "z" and not LOWEST_MM <= number <= HIGHEST_MM:
            raise _offence(f"{where}: {axis} is {_shown(value)}, outside {LOWEST_MM} to {HIGHEST_MM} mm.")
    probability = _number(point["probability"], f"{where}: `probability`")
    if not 0.0 <= probability <= 1.0:
        raise _offence(f"{where}: `probability` is {_shown(point['probability'])}, outside 0 to 1.")


def _object(
    value: object, where: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _offence(f"{where} is {_shown(value)}, not an object.")
    for key in required:
        if key not in value:
            raise _offence(f"{where}: `{key}` is missing.")
    for key in value:
        if key not in required + optional:
            raise _offence(f"{where}: the key {_shown(key)} is not allowed.")
    return value


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _offence(f"{where} is {_shown(value)}, not a number.")
    if not abs(value) <= sys.float_info.max:
        raise _offence(f"{where} is {_shown(value)}, not a finite number.")
    return float(value)


def _shown(value: object) -> str:
    """A value as JSON shows it, cut where it is long."""
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = json.dumps(value, default=repr)
    return text if len(text) <= 60 else text[:57] + "..."


def _offence(problem: str, file: str = MITOTIC_FIGURES_FILE) -> ContractError:
    return ContractError(problem, f"The platform would refuse this {file}: mend that item.")


def write_json_atomically(path: Path, document: object, indent: int | None = 1) -> None:
    """Write a JSON file beside its place, then rename it: the place holds all of it or what it held before.

    indent: spaces a level, None for a single line.
    Raises AlgorithmError where it cannot be written, and leaves nothing behind then; ValueError for NaN and infinity.
    """
    content = json.dumps(document, allow_nan=False, indent=indent).encode()
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise AlgorithmError(
            f"{path} cannot be written: {error.strerror}.",
            "Free some space, or choose a folder that takes files.",
        ) from error

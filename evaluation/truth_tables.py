"""Ground truth as people keep it: the official file, MIDOG++'s annotation file, or a CSV."""

import csv
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from evaluation.contract import ATYPICAL, HIGHEST_MM, LOWEST_MM, NORMAL
from evaluation.errors import EvaluationError
from evaluation.ground_truth import (
    TRUTH_MAX_BYTES,
    ClassificationTruth,
    DetectionTruth,
    read_classification_truth,
    read_detection_truth,
)
from evaluation.midogpp import read_annotations
from evaluation.strict_json import read_json, shown

UNKNOWN = "unknown"
"""The domain of an image whose table does not say."""
Row = dict[str, str]


def read_any_detection_truth(path: Path, spacing_um: float) -> dict[str, DetectionTruth]:
    """The regions of a ground truth in whichever of the three forms, by the image's name.

    spacing_um turns MIDOG++'s pixels into mm; the other forms are in mm already. Raises EvaluationError.
    """
    if path.suffix.lower() == ".csv":
        return _detection_table(path)
    document = read_json(path, TRUTH_MAX_BYTES)
    if isinstance(document, dict) and {"images", "annotations", "categories"} <= document.keys():
        return _midogpp(path, spacing_um)
    return read_detection_truth(path)


def read_any_classification_truth(path: Path) -> dict[str, ClassificationTruth]:
    """The stacks of the official ground truth or of a CSV, by the image's name. Raises EvaluationError."""
    return _classification_table(path) if path.suffix.lower() == ".csv" else read_classification_truth(path)


def _midogpp(path: Path, spacing_um: float) -> dict[str, DetectionTruth]:
    """The labelled images; the fifty that nobody annotated are none of it."""
    return {
        image.file_name: DetectionTruth(image.domain, None, image.figures * (spacing_um / 1000))
        for image in read_annotations(path)
        if not image.unlabelled
    }


def _detection_table(path: Path) -> dict[str, DetectionTruth]:
    """Columns image, x_mm, y_mm and, where known, domain, roi_type; an image without figures has a row without x, y."""
    kinds: dict[str, tuple[str, str | None]] = {}
    points: dict[str, list[tuple[float, float]]] = {}
    empty: set[str] = set()
    for where, row in _rows(path, ("image", "x_mm", "y_mm"), ("domain", "roi_type")):
        name, kind = row["image"], (row.get("domain") or UNKNOWN, row.get("roi_type") or None)
        if kinds.setdefault(name, kind) != kind:
            raise EvaluationError(f"{where}: image {shown(name)} has another domain or roi_type in an earlier row.")
        found = points.setdefault(name, [])
        if row["x_mm"] or row["y_mm"]:
            found.append((_millimetres(row["x_mm"], f"{where}: x_mm"), _millimetres(row["y_mm"], f"{where}: y_mm")))
        else:
            empty.add(name)
        if name in empty and found:
            raise EvaluationError(f"{where}: image {shown(name)} has figures and a row that says it has none.")
    return {
        name: DetectionTruth(domain, roi_type, np.array(points[name], dtype=np.float64).reshape(-1, 2))
        for name, (domain, roi_type) in kinds.items()
    }


def _classification_table(path: Path) -> dict[str, ClassificationTruth]:
    """Columns image, index (of the crop in its stack, from 0), label and, where known, domain; rows in any order."""
    crops: dict[str, dict[int, tuple[bool, str]]] = {}
    for where, row in _rows(path, ("image", "index", "label"), ("domain",)):
        stack = crops.setdefault(row["image"], {})
        if not row["index"].isdecimal():
            raise EvaluationError(f"{where}: index is {shown(row['index'])}, not a whole number from 0 on.")
        if int(row["index"]) in stack:
            raise EvaluationError(f"{where}: crop {row['index']} of image {shown(row['image'])} has a row already.")
        if row["label"] not in (NORMAL, ATYPICAL):
            raise EvaluationError(f'{where}: label is {shown(row["label"])}, neither "{NORMAL}" nor "{ATYPICAL}".')
        stack[int(row["index"])] = (row["label"] == ATYPICAL, row.get("domain") or UNKNOWN)
    for name, stack in crops.items():
        if max(stack) != len(stack) - 1:
            missing = next(index for index in range(max(stack)) if index not in stack)
            raise EvaluationError(f"{path}: image {shown(name)} has no row for crop {missing}.")
    return {
        name: ClassificationTruth(
            np.array([stack[index][0] for index in range(len(stack))], dtype=np.bool_),
            tuple(stack[index][1] for index in range(len(stack))),
        )
        for name, stack in crops.items()
    }


def _rows(path: Path, required: tuple[str, ...], optional: tuple[str, ...]) -> Iterator[tuple[str, Row]]:
    """The rows of a CSV with a heading, each with where it stands; values are stripped of surrounding blanks."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file, strict=True, skipinitialspace=True)
            columns = table.fieldnames or []
            wrong = [f"lacks the column {name}" for name in required if name not in columns]
            wrong += [f"has the column {shown(name)}" for name in columns if name not in required + optional]
            wrong += [f"has the column {name} twice" for name in required + optional if columns.count(name) > 1]
            if wrong:
                known = f"It takes {', '.join(required)} and, where known, {', '.join(optional)}."
                raise EvaluationError(f"{path} {wrong[0]}. {known}")
            for row in table:
                where = f"{path}, line {table.line_num}"
                if None in row or None in row.values():
                    raise EvaluationError(f"{where} has not the {len(columns)} values of the heading.")
                if not row["image"].strip():
                    raise EvaluationError(f"{where}: image is empty.")
                yield where, {name: value.strip() for name, value in row.items()}
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{path} is no CSV in UTF-8: {error}.") from error


def _millimetres(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not LOWEST_MM <= value <= HIGHEST_MM:
        hint = " (are these pixels? millimetres are asked for)" if value > HIGHEST_MM else ""
        raise EvaluationError(f"{where} is {shown(text)}, no number from {LOWEST_MM} to {HIGHEST_MM} mm{hint}.")
    return value

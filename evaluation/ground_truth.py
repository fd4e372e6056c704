"""The challenge's two files of ground truth."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.cases import Flags, Floats
from evaluation.contract import ATYPICAL, NORMAL, ROI_TYPES
from evaluation.errors import EvaluationError, ItemError
from evaluation.strict_json import read_json, shown

TRUTH_MAX_BYTES = 256_000_000


@dataclass(frozen=True, eq=False)
class DetectionTruth:
    """What is in a region of track 1.

    domain: tumour domain, as text. roi_type: kind of region, None where it is not known. points_mm (N, 2): its mitotic
    figures, x then y, mm, in the file's order, on which greedy matching depends.
    """

    domain: str
    roi_type: str | None
    points_mm: Floats


@dataclass(frozen=True, eq=False)
class ClassificationTruth:
    """What is in a stack of track 2.

    labels (N,): whether a crop is atypical. domains: the tumour domain of each of the N crops, as text.
    """

    labels: Flags
    domains: tuple[str, ...]


def read_detection_truth(path: Path) -> dict[str, DetectionTruth]:
    """Track 1: {image: {"annotations": [[x, y, 0], ...] in mm, "tumor domain", "roi type"}}, by the image's name.

    Raises EvaluationError with a line for each image whose entry is wrong. Source: MIDOG25_T1_evaluation_docker,
    ground_truth/ground_truth.json.
    """
    document = read_json(path, TRUTH_MAX_BYTES)
    if not isinstance(document, dict):
        raise EvaluationError(f"{path} is {shown(document)}, not an object of images: no ground truth of track 1.")
    truths: dict[str, DetectionTruth] = {}
    problems: list[str] = []
    for name, entry in document.items():
        try:
            truths[name] = _region(entry)
        except ItemError as error:
            problems.append(f"{path}: image {shown(name)}: {error}")
    if problems:
        raise EvaluationError(*problems)
    return truths


def read_classification_truth(path: Path) -> dict[str, ClassificationTruth]:
    """Track 2: [{"image", "labels": ["normal" | "atypical", ...], "tumordomains": [...]}], by the image's name.

    Raises EvaluationError with a line for each entry that is wrong. Source: MIDOG25_T2_evaluation_docker,
    ground_truth/ground_truth.json.
    """
    document = read_json(path, TRUTH_MAX_BYTES)
    if not isinstance(document, list):
        raise EvaluationError(f"{path} is {shown(document)}, not a list of images: no ground truth of track 2.")
    truths: dict[str, ClassificationTruth] = {}
    problems: list[str] = []
    for number, entry in enumerate(document):
        try:
            name, truth = _stack(entry)
            if name in truths:
                raise ItemError(f"the image {shown(name)} has an entry already.")
            truths[name] = truth
        except ItemError as error:
            problems.append(f"{path}: entry {number}: {error}")
    if problems:
        raise EvaluationError(*problems)
    return truths


def _region(entry: object) -> DetectionTruth:
    if not isinstance(entry, dict):
        raise ItemError(f"{shown(entry)} is no object.")
    for key in ("annotations", "tumor domain", "roi type"):
        if key not in entry:
            raise ItemError(f"`{key}` is missing.")
    annotations, roi_type = entry["annotations"], entry["roi type"]
    if roi_type not in ROI_TYPES:
        raise ItemError(f"`roi type` is {shown(roi_type)}, none of {', '.join(ROI_TYPES)}.")
    if not isinstance(annotations, list):
        raise ItemError(f"`annotations` is {shown(annotations)}, not a list.")
    for index, point in enumerate(annotations):
        if not isinstance(point, list) or len(point) != 3 or not all(_is_number(value) for value in point):
            raise ItemError(f"annotation {index} is not a list of three numbers.")
        if point[2] != 0:
            raise ItemError(f"annotation {index} has z {shown(point[2])}, not 0.")
    points_mm = np.array(annotations, dtype=np.float64).reshape(-1, 3)[:, :2]
    return DetectionTruth(_domain(entry["tumor domain"], "`tumor domain`"), roi_type, points_mm)


def _stack(entry: object) -> tuple[str, ClassificationTruth]:
    if not isinstance(entry, dict):
        raise ItemError(f"{shown(entry)} is no object.")
    name, labels, domains = entry.get("image"), entry.get("labels"), entry.get("tumordomains")
    if not isinstance(name, str):
        raise ItemError(f"`image` is {shown(name)}, not a name.")
    if not isinstance(labels, list) or not isinstance(domains, list):
        raise ItemError(f"image {shown(name)}: `labels` and `tumordomains` have to be lists.")
    if len(labels) != len(domains):
        raise ItemError(f"image {shown(name)}: {len(labels)} labels, but {len(domains)} tumour domains.")
    for index, label in enumerate(labels):
        if label not in (NORMAL, ATYPICAL):
            raise ItemError(
                f'image {shown(name)}: label {index} is {shown(label)}, neither "{NORMAL}" nor "{ATYPICAL}".'
            )
    where = f"image {shown(name)}: tumour domain"
    return name, ClassificationTruth(
        np.array([label == ATYPICAL for label in labels], dtype=np.bool_),
        tuple(_domain(domain, f"{where} {index}") for index, domain in enumerate(domains)),
    )


def _domain(value: object, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ItemError(f"{where} is {shown(value)}, neither a whole number nor a text.")
    return str(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9

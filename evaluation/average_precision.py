"""Average precision as the MIDOG 2025 evaluation computes it: COCO's at an IoU of 0.5, on squares around the points.

Source: MIDOG25_T1_evaluation_docker, evaluate.py, which calls torchmetrics' MeanAveragePrecision, itself a front to
COCO's evaluation; this calls the latter, with the same rounding to float32.
"""

import contextlib
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from evaluation.cases import DetectionCase, Floats

HALF_SIDE_MM = 0.01125
"""Two such squares overlap with an IoU of 0.5 where one lies 7.5 um from the other along an axis."""
IOU = 0.5
MOST_DETECTIONS = 1_000_000
EVERY_AREA = [0, 1e10]
CATEGORY = 1


def average_precision(cases: Sequence[DetectionCase]) -> float | None:
    """AP of all points, whatever their name, over all cases, read at COCO's 101 recalls; None where nothing is to find.

    Points of equal probability are ranked in the order of the cases, and within a case in that of its points.
    """
    figures = sum(len(case.truth_mm) for case in cases)
    if figures == 0:
        return None
    if not any(len(case.points_mm) for case in cases):
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(_dataset(cases, scored=False), _dataset(cases, scored=True), "bbox")
        evaluation.params.iouThrs = np.array([IOU])
        evaluation.params.maxDets = [MOST_DETECTIONS]
        evaluation.params.areaRng = [EVERY_AREA]
        evaluation.params.areaRngLbl = ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    return float(np.float32(np.mean(evaluation.eval["precision"])))


def _dataset(cases: Sequence[DetectionCase], scored: bool) -> COCO:
    """The truth, or the answer with its scores, in COCO's terms; images and boxes are numbered from 1."""
    boxes: list[dict[str, object]] = []
    for image, case in enumerate(cases, start=1):
        sides = _boxes(case.points_mm if scored else case.truth_mm).tolist()
        scores = case.scores.astype(np.float32).tolist() if scored else [None] * len(sides)
        for box, score in zip(sides, scores, strict=True):
            boxes.append(
                {
                    "id": len(boxes) + 1,
                    "image_id": image,
                    "category_id": CATEGORY,
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                    "score": score,
                }
            )
    dataset = COCO()
    images = [{"id": image} for image in range(1, len(cases) + 1)]
    dataset.dataset = {"images": images, "categories": [{"id": CATEGORY}], "annotations": boxes}
    dataset.createIndex()
    return dataset


def _boxes(points_mm: Floats) -> NDArray[np.float32]:
    """Squares (N, 4) around points: left, top, width, height in mm, corners rounded to float32 before the widths."""
    upper_left = (points_mm - HALF_SIDE_MM).astype(np.float32)
    lower_right = (points_mm + HALF_SIDE_MM).astype(np.float32)
    return np.hstack([upper_left, lower_right - upper_left])

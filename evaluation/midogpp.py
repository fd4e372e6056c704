"""The annotation file of MIDOG++, MIDOG++.json.

Source: Aubreville et al., "A comprehensive multi-domain dataset for mitotic figure detection", Scientific Data 2023,
and the file in DeepMicroscopy/MIDOGpp. Although the file follows COCO, its boxes are x1, y1, x2, y2.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EvaluationError

MITOTIC_FIGURE, HARD_NEGATIVE = CATEGORIES = "mitotic figure", "not mitotic figure"
UNLABELLED = range(151, 201)
"""Images of MIDOG++ that nobody annotated: they hold figures, so they are no negatives."""


@dataclass(frozen=True, eq=False)
class AnnotatedImage:
    """An entry of the annotation file. figures, hard_negatives: centres (N, 2) float64, x then y, px.

    clipped: how many boxes reach over the image's border and are cut there. A figure stays where it was annotated, at
    the centre of its whole box, unless that lies outside the image (two of MIDOG++'s): then it is the nearest place in
    what is left of the box, if anything is.
    """

    file_name: str
    domain: str
    figures: NDArray[np.float64]
    hard_negatives: NDArray[np.float64]
    clipped: int = 0

    @property
    def unlabelled(self) -> bool:
        """Whether it is one of MIDOG++'s fifty without annotations."""
        number = Path(self.file_name).stem
        annotated = len(self.figures) or len(self.hard_negatives)
        return number.isdigit() and int(number) in UNLABELLED and not annotated


def read_annotations(path: Path) -> list[AnnotatedImage]:
    """The images of an annotation file, labelled or not.

    Raises EvaluationError where the file is missing, broken, or names a category that is not MIDOG++'s.
    """
    try:
        document = json.loads(path.read_text())
        names = {category["id"]: category["name"] for category in document["categories"]}
        foreign = sorted(set(names.values()) - {MITOTIC_FIGURE, HARD_NEGATIVE})
        if foreign:
            known = f"Known are: {MITOTIC_FIGURE}, {HARD_NEGATIVE}."
            raise EvaluationError(f"{path} has the category {foreign[0]!r}. {known}")
        boxes: dict[tuple[int, str], list[list[float]]] = defaultdict(list)
        for annotation in document["annotations"]:
            boxes[annotation["image_id"], names[annotation["category_id"]]].append(annotation["bbox"])
        return [_annotated(image, *(boxes[image["id"], name] for name in CATEGORIES)) for image in document["images"]]
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvaluationError(f"{path} is no annotation file of MIDOG++: {error}.") from error


def _annotated(image: dict[str, Any], figures: list[list[float]], hard_negatives: list[list[float]]) -> AnnotatedImage:
    """Boxes are cut at the border as far as the file says the image's size."""
    size = np.array([image.get("width", np.inf), image.get("height", np.inf)])
    centres, clipped = zip(*(_centres(boxes, size) for boxes in (figures, hard_negatives)), strict=True)
    return AnnotatedImage(image["file_name"], image.get("tumor_type", "unknown"), centres[0], centres[1], sum(clipped))


def _centres(boxes: list[list[float]], size: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Where boxes of x1, y1, x2, y2 are in an image of that width and height, (N, 2), and how many are cut."""
    first, last = np.array(boxes, dtype=np.float64).reshape(len(boxes), 2, 2).transpose(1, 0, 2)
    centres, least, most = (first + last) / 2, np.clip(first, 0, size), np.clip(last, 0, size)
    cut = ((least != first) | (most != last)).any(axis=1)
    something_left = (least < most).all(axis=1, keepdims=True)
    return np.where(something_left, np.clip(centres, least, most), centres), int(cut.sum())

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

    over_border: how many boxes reach over the image's border; the centre is that of the whole box.
    """

    file_name: str
    domain: str
    figures: NDArray[np.float64]
    hard_negatives: NDArray[np.float64]
    over_border: int = 0

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
        return [
            AnnotatedImage(
                file_name=image["file_name"],
                domain=image.get("tumor_type", "unknown"),
                figures=_centres(boxes[image["id"], MITOTIC_FIGURE]),
                hard_negatives=_centres(boxes[image["id"], HARD_NEGATIVE]),
                over_border=sum(_over_border(boxes[image["id"], name], image) for name in CATEGORIES),
            )
            for image in document["images"]
        ]
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvaluationError(f"{path} is no annotation file of MIDOG++: {error}.") from error


def _centres(boxes: list[list[float]]) -> NDArray[np.float64]:
    corners = np.array(boxes, dtype=np.float64).reshape(len(boxes), 4)
    return (corners[:, :2] + corners[:, 2:]) / 2


def _over_border(boxes: list[list[float]], image: dict[str, Any]) -> int:
    """How many boxes leave the image, as far as the file says its size."""
    corners = np.array(boxes, dtype=np.float64).reshape(len(boxes), 4)
    size = (image.get("width", np.inf), image.get("height", np.inf))
    return int(((corners[:, :2] < 0) | (corners[:, 2:] > size)).any(axis=1).sum())

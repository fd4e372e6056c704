"""A folder in the layout of MIDOG++: images/NNN.tiff and the annotation file MIDOG++.json.

Source: Aubreville et al., "A comprehensive multi-domain dataset for mitotic figure detection", Scientific Data 2023,
and the file in DeepMicroscopy/MIDOGpp. Although the file follows COCO, its boxes are x1, y1, x2, y2.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from algorithm.errors import InputError
from algorithm.images import Image, open_image
from algorithm.images.resampled import ResampledImage
from algorithm.tissue import TissueMap, tissue_map
from training.data.regions import Points, Region

ANNOTATIONS = "MIDOG++.json"
MITOTIC_FIGURE, HARD_NEGATIVE = "mitotic figure", "not mitotic figure"
UNLABELLED = range(151, 201)
"""Images of MIDOG++ that nobody annotated: they hold figures, so they are no negatives."""


@dataclass(frozen=True, eq=False)
class AnnotatedImage:
    """An entry of the annotation file. figures, hard_negatives: centres (N, 2) float64, x then y, px."""

    file_name: str
    domain: str
    figures: Points
    hard_negatives: Points

    @property
    def unlabelled(self) -> bool:
        """Whether it is one of MIDOG++'s fifty without annotations."""
        number = Path(self.file_name).stem
        annotated = len(self.figures) or len(self.hard_negatives)
        return number.isdigit() and int(number) in UNLABELLED and not annotated


@dataclass(frozen=True)
class MidogPlusPlus:
    """What a folder holds: regions, and what was left out of them."""

    regions: list[Region]
    unlabelled_images: int
    missing_images: int
    off_tissue: int


def read_midogpp(folder: Path) -> MidogPlusPlus:
    """The labelled regions of the folder.

    Unlabelled images are left out, and annotations that do not lie on tissue dropped; both are counted. Raises
    InputError as `read_annotations` does, and for an image that cannot be read.
    """
    regions, unlabelled, missing, off_tissue = [], 0, 0, 0
    for entry in read_annotations(folder / ANNOTATIONS):
        path = folder / "images" / entry.file_name
        if entry.unlabelled:
            unlabelled += 1
        elif not path.is_file():
            missing += 1
        else:
            region, dropped = _region(path, entry)
            regions.append(region)
            off_tissue += dropped
    return MidogPlusPlus(regions, unlabelled, missing, off_tissue)


def read_annotations(path: Path) -> list[AnnotatedImage]:
    """The images of an annotation file, labelled or not.

    Raises InputError where the file is missing, broken, or names a category that is not MIDOG++'s.
    """
    try:
        document = json.loads(path.read_text())
        names = {category["id"]: category["name"] for category in document["categories"]}
        foreign = sorted(set(names.values()) - {MITOTIC_FIGURE, HARD_NEGATIVE})
        if foreign:
            known = f"Known are: {MITOTIC_FIGURE}, {HARD_NEGATIVE}."
            raise InputError(f"{path} has the category {foreign[0]!r}.", known)
        boxes: dict[tuple[int, str], list[list[float]]] = defaultdict(list)
        for annotation in document["annotations"]:
            boxes[annotation["image_id"], names[annotation["category_id"]]].append(annotation["bbox"])
        return [
            AnnotatedImage(
                file_name=image["file_name"],
                domain=image.get("tumor_type", "unknown"),
                figures=_centres(boxes[image["id"], MITOTIC_FIGURE]),
                hard_negatives=_centres(boxes[image["id"], HARD_NEGATIVE]),
            )
            for image in document["images"]
        ]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Give a folder in MIDOG++'s layout.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is no annotation file of MIDOG++: {error}.", "Take the published file.") from error


def _centres(boxes: list[list[float]]) -> Points:
    corners = np.array(boxes, dtype=np.float64).reshape(len(boxes), 4)
    return (corners[:, :2] + corners[:, 2:]) / 2


def _region(path: Path, entry: AnnotatedImage) -> tuple[Region, int]:
    with open_image(path) as image:
        width, height, spacing_um = image.width, image.height, image.spacing_um[0]
        on_tissue = [_on_tissue(image, points) for points in (entry.figures, entry.hard_negatives)]
    region = Region(
        name=entry.file_name,
        slide=path.stem,
        domain=entry.domain,
        width=width,
        height=height,
        spacing_um=spacing_um,
        read=partial(_read, path),
        figures=entry.figures[on_tissue[0]],
        hard_negatives=entry.hard_negatives[on_tissue[1]],
    )
    return region, sum(int((~kept).sum()) for kept in on_tissue)


def _on_tissue(image: Image, points: Points) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which points (N, 2) have tissue within 12 px."""
    tissue = tissue_map(ResampledImage(image, image.spacing_um[0]))
    return np.array([_any_within(tissue, int(x), int(y), 12) for x, y in points], dtype=bool)


def _any_within(tissue: TissueMap, x: int, y: int, reach_px: int) -> bool:
    left, top = max(x - reach_px, 0), max(y - reach_px, 0)
    right, bottom = min(x + reach_px, tissue.width), min(y + reach_px, tissue.height)
    return left < right and top < bottom and tissue.any(left, top, right - left, bottom - top)


def _read(path: Path, x: int, y: int, width: int, height: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    with open_image(path) as image:
        return image.read(x, y, width, height)

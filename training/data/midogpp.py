"""A folder in the layout of MIDOG++: images/NNN.tiff and the annotation file MIDOG++.json.

Source: Aubreville et al., "A comprehensive multi-domain dataset for mitotic figure detection", Scientific Data 2023,
and the file in DeepMicroscopy/MIDOGpp. Although the file follows COCO, its boxes are x1, y1, x2, y2.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from algorithm.errors import InputError
from algorithm.images import Image, open_image
from algorithm.images.resampled import ResampledImage
from algorithm.tissue import tissue_map
from training.data.regions import Points, Region

ANNOTATIONS = "MIDOG++.json"
MITOTIC_FIGURE, HARD_NEGATIVE = "mitotic figure", "not mitotic figure"
UNLABELLED = range(151, 201)
"""Images of MIDOG++ that nobody annotated: they hold figures, so they are no negatives."""


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
    InputError where the annotation file is missing, broken, or names a category that is not MIDOG++'s.
    """
    document = _load(folder / ANNOTATIONS)
    boxes: dict[int, dict[str, list[list[float]]]] = defaultdict(lambda: defaultdict(list))
    names = _category_names(document, folder)
    for annotation in document["annotations"]:
        boxes[annotation["image_id"]][names[annotation["category_id"]]].append(annotation["bbox"])
    regions, unlabelled, missing, off_tissue = [], 0, 0, 0
    for image in document["images"]:
        path = folder / "images" / image["file_name"]
        if is_unlabelled(image, boxes):
            unlabelled += 1
        elif not path.is_file():
            missing += 1
        else:
            of_image = boxes[image["id"]]
            region, dropped = _region(
                path, image, _centres(of_image[MITOTIC_FIGURE]), _centres(of_image[HARD_NEGATIVE])
            )
            regions.append(region)
            off_tissue += dropped
    return MidogPlusPlus(regions, unlabelled, missing, off_tissue)


def is_unlabelled(image: dict[str, Any], boxes: dict[int, Any]) -> bool:
    """Whether the image is one of MIDOG++'s fifty without annotations."""
    number = Path(image["file_name"]).stem
    return number.isdigit() and int(number) in UNLABELLED and image["id"] not in boxes


def _load(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(path.read_text())
        return {key: document[key] for key in ("images", "annotations", "categories")}
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Give a folder in MIDOG++'s layout.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no annotation file of MIDOG++: {error}.", "Take the published file.") from error


def _category_names(document: dict[str, Any], folder: Path) -> dict[int, str]:
    known = (MITOTIC_FIGURE, HARD_NEGATIVE)
    names: dict[int, str] = {category["id"]: category["name"] for category in document["categories"]}
    foreign = sorted(set(names.values()) - set(known))
    if foreign:
        raise InputError(f"{folder / ANNOTATIONS} has the category {foreign[0]!r}.", f"Known are: {', '.join(known)}.")
    return names


def _centres(boxes: list[list[float]]) -> Points:
    corners = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    return (corners[:, :2] + corners[:, 2:]) / 2


def _region(path: Path, entry: dict[str, Any], figures: Points, hard_negatives: Points) -> tuple[Region, int]:
    with open_image(path) as image:
        width, height, spacing_um = image.width, image.height, image.spacing_um[0]
        on_tissue = [_on_tissue(image, points) for points in (figures, hard_negatives)]
    region = Region(
        name=entry["file_name"],
        slide=path.stem,
        domain=entry.get("tumor_type", "unknown"),
        width=width,
        height=height,
        spacing_um=spacing_um,
        read=partial(_read, path),
        figures=figures[on_tissue[0]],
        hard_negatives=hard_negatives[on_tissue[1]],
    )
    return region, sum(int((~kept).sum()) for kept in on_tissue)


def _on_tissue(image: Image, points: Points) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which points (N, 2) have tissue within 12 px."""
    tissue = tissue_map(ResampledImage(image, image.spacing_um[0]))
    return np.array([tissue.any(int(x) - 12, int(y) - 12, 24, 24) for x, y in points], dtype=bool)


def _read(path: Path, x: int, y: int, width: int, height: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    with open_image(path) as image:
        return image.read(x, y, width, height)

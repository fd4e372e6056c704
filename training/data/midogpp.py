"""A folder in the layout of MIDOG++: images/NNN.tiff, the annotation file MIDOG++.json and the table of scanners."""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from algorithm.errors import InputError
from algorithm.images.resampled import ResampledImage
from algorithm.tissue import TissueMap, tissue_map
from evaluation import midogpp
from evaluation.errors import EvaluationError
from evaluation.midogpp import AnnotatedImage
from training.data.cases import Case
from training.data.images import open_data_image
from training.data.names import scanner_name, tumour_name
from training.data.regions import Points, Region
from training.data.slide_images import image_region

ANNOTATIONS, TABLE = "MIDOG++.json", "datasets_xvalidation.csv"


@dataclass(frozen=True)
class Annotations:
    """What the files say without a pixel. cases: the labelled images, there or not; entries: theirs, in the same order.

    clipped: how many boxes reach over the border of their image and are cut there.
    """

    cases: list[Case]
    entries: list[AnnotatedImage]
    unlabelled_images: int
    missing_images: int
    clipped: int

    @property
    def left_out(self) -> str:
        """What is no region, for the user."""
        return f"{self.unlabelled_images} unlabelled and {self.missing_images} missing images left out"


@dataclass(frozen=True)
class MidogPlusPlus(Annotations):
    """With pixels. regions: of the cases whose images are there. off_tissue: how many annotations were dropped."""

    regions: list[Region]
    off_tissue: int


def read_cases(folder: Path) -> Annotations:
    """The labelled cases of a folder, whose images need not be there; the unlabelled are left out and counted.

    Raises InputError as `read_annotations` does, and for a table of scanners that is none.
    """
    entries = read_annotations(folder / ANNOTATIONS)
    scanners = _scanners(folder / TABLE)
    labelled = [entry for entry in entries if not entry.unlabelled]
    cases = [
        Case(
            data_set=folder.name,
            name=entry.file_name,
            slide=Path(entry.file_name).stem,
            domain=tumour_name(entry.domain),
            scanner=scanners.get(Path(entry.file_name).stem, ""),
            figures=len(entry.figures),
            hard_negatives=len(entry.hard_negatives),
        )
        for entry in labelled
    ]
    missing = sum(not image_path(folder, case).is_file() for case in cases)
    clipped = sum(entry.clipped for entry in labelled)
    return Annotations(cases, labelled, len(entries) - len(labelled), missing, clipped)


def read_midogpp(folder: Path, spacing_um: float | None = None) -> MidogPlusPlus:
    """The cases and regions of a folder; annotations that do not lie on tissue are dropped and counted.

    spacing_um: um/px of the images that do not say theirs. Raises InputError as `read_cases` does, and for an image
    that cannot be read.
    """
    found, regions, off_tissue = read_cases(folder), [], 0
    for case, entry in zip(found.cases, found.entries, strict=True):
        path = image_path(folder, case)
        if path.is_file():
            region, dropped = _region(path, case, entry, spacing_um)
            regions.append(region)
            off_tissue += dropped
    return MidogPlusPlus(**vars(found), regions=regions, off_tissue=off_tissue)


def image_path(folder: Path, case: Case) -> Path:
    """Where a case's image lies, if it is there."""
    return folder / "images" / case.name


def read_annotations(path: Path) -> list[AnnotatedImage]:
    """The images of an annotation file, labelled or not; InputError where `evaluation.midogpp` refuses it."""
    try:
        return midogpp.read_annotations(path)
    except EvaluationError as error:
        raise InputError(str(error), "Give a folder in MIDOG++'s layout with the published file.") from error


def _scanners(path: Path) -> dict[str, str]:
    """The scanner of every slide, from MIDOG++'s table; nothing where the folder has none, as subsets seldom have."""
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        if not rows:
            raise ValueError("it has no rows")
        return {f"{int(row['Slide']):03}": scanner_name(row["Scanner"].strip()) for row in rows}
    except (OSError, ValueError, KeyError, AttributeError, TypeError, csv.Error) as error:
        raise InputError(f"{path} is no table of MIDOG++: {error}.", "Take the published file.") from error


def _region(path: Path, case: Case, entry: AnnotatedImage, spacing_um: float | None) -> tuple[Region, int]:
    with open_data_image(path, spacing_um) as image:
        region = image_region(path, case, image)
        tissue = tissue_map(ResampledImage(image, region.spacing_um))
    on_tissue = [_on_tissue(tissue, points) for points in (entry.figures, entry.hard_negatives)]
    figures, look_alikes = entry.figures[on_tissue[0]], entry.hard_negatives[on_tissue[1]]
    region = replace(region, figures=figures, hard_negatives=look_alikes)
    return region, sum(int((~kept).sum()) for kept in on_tissue)


def _on_tissue(tissue: TissueMap, points: Points) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which points (N, 2) have tissue within 12 px."""
    return np.array([_any_within(tissue, int(x), int(y), 12) for x, y in points], dtype=bool)


def _any_within(tissue: TissueMap, x: int, y: int, reach_px: int) -> bool:
    left, top = max(x - reach_px, 0), max(y - reach_px, 0)
    right, bottom = min(x + reach_px, tissue.width), min(y + reach_px, tissue.height)
    return left < right and top < bottom and tissue.any(left, top, right - left, bottom - top)

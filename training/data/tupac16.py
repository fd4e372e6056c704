"""A folder in the layout of TUPAC16's mitosis data: a table of figures an image, without a header.

Sources: Veta et al., "Predicting breast tumor proliferation from whole-slide images: the TUPAC16 challenge", Medical
Image Analysis 2019; Bertram et al., "Are pathologist-defined labels reproducible?", iMIMIC 2020, whose folder TUPAC_AL
is laid out the same, with look-alikes beside the figures. mitoses_ground_truth/CASE/IMAGE.csv and the same in
nonmitoses_ground_truth have a line an annotation: row, then column, px. The images are CASE/IMAGE.tif.
"""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from algorithm.contract import PATCH_SPACING_UM
from algorithm.errors import InputError
from training.data.cases import Case
from training.data.regions import Points, Region
from training.data.slide_images import inside, slide_region

FIGURES, HARD_NEGATIVES = "mitoses_ground_truth", "nonmitoses_ground_truth"
IMAGES = "mitoses_image_data*"
"""The folders that the published archives of images unpack to; the images may lie beside the tables too."""
DOMAIN = "TUPAC16"
STITCHED_CASES = 23
"""Cases of several images, which the alternative labels' database and AMi-Br name as they were stitched together."""


@dataclass(frozen=True)
class Tupac16:
    """regions: of the cases whose images are there. outside: how many annotations lie off their image."""

    cases: list[Case]
    regions: list[Region]
    missing_images: int
    outside: int


def is_one(folder: Path) -> bool:
    """Whether a folder holds the tables of figures."""
    return (folder / FIGURES).is_dir()


def tupac16_cases(folder: Path) -> list[Case]:
    """The images that tables name, there or not, and those there of a case with tables: they show no figure.

    Raises InputError for a table that is none.
    """
    return [_case(folder, case, image) for case, image in _names(folder)]


def read_tupac16(folder: Path, spacing_um: float | None = None) -> Tupac16:
    """The cases and regions of a folder, a region an image; annotations that lie off it are dropped and counted.

    spacing_um: um/px of images that do not say theirs; 0.25, as published, if not given. Raises InputError as
    `tupac16_cases` does, and for an image that cannot be read.
    """
    cases, regions, outside = tupac16_cases(folder), [], 0
    for case in cases:
        path = image_path(folder, case.name)
        if path is None:
            continue
        region = slide_region(path, case, spacing_um or PATCH_SPACING_UM)
        table = Path(case.name).with_suffix(".csv")
        points = [_points(folder / kind / table) for kind in (FIGURES, HARD_NEGATIVES)]
        kept = [inside(region, of) for of in points]
        outside += sum(int((~of).sum()) for of in kept)
        regions.append(replace(region, figures=points[0][kept[0]], hard_negatives=points[1][kept[1]]))
    return Tupac16(cases, regions, len(cases) - len(regions), outside)


def image_path(folder: Path, name: str) -> Path | None:
    """Where an image CASE/IMAGE.tif lies; None if it is not there."""
    paths = (root / name for root in (folder, *sorted(folder.glob(IMAGES))))
    return next((path for path in paths if path.is_file()), None)


def slide_of(case: str) -> str:
    """The slide of a case, as AMi-Br and the alternative labels' database name it."""
    return f"{case}_stitched1" if case.isdigit() and int(case) <= STITCHED_CASES else case


def _names(folder: Path) -> list[tuple[str, str]]:
    """Case and image of every case with a table of figures."""
    cases = {path.name for path in (folder / FIGURES).iterdir() if path.is_dir()}
    tables = [path for kind in (FIGURES, HARD_NEGATIVES) for path in (folder / kind).glob("*/*.csv")]
    images = [path for root in (folder, *folder.glob(IMAGES)) for path in root.glob("*/*.tif")]
    return sorted({(path.parent.name, path.stem) for path in (*tables, *images) if path.parent.name in cases})


def _case(folder: Path, case: str, image: str) -> Case:
    figures, look_alikes = (len(_points(folder / kind / case / f"{image}.csv")) for kind in (FIGURES, HARD_NEGATIVES))
    return Case(folder.name, f"{case}/{image}.tif", slide_of(case), DOMAIN, "", figures, look_alikes)


def _points(path: Path) -> Points:
    """(N, 2), x then y; none where there is no table: an image without annotations needs none."""
    if not path.is_file():
        return np.empty((0, 2))
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file) if row]
        points = [(float(column), float(row)) for row, column, *_ in rows]
    except (OSError, ValueError, csv.Error) as error:
        fix = "Give lines of a row, a comma and a column."
        raise InputError(f"{path} is no table of TUPAC16: {error}.", fix) from error
    return np.array(points, dtype=np.float64).reshape(-1, 2)

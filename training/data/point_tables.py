"""Data sets of images with tables of points, a line an annotation and without a header."""

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from algorithm.errors import InputError
from training.data.cases import Case
from training.data.regions import Points, Region
from training.data.slide_images import inside, slide_region


@dataclass(frozen=True)
class TabledImage:
    """An annotated image and its tables; where one is None or not there, the image has no annotation of the kind.

    name: unique within the folder. slide, domain, scanner: as `training.data.regions.Region` has them. image: None if
    it is not there. spacing_um: of an image that does not say its own, um/px.
    """

    name: str
    slide: str
    domain: str
    scanner: str
    spacing_um: float
    image: Path | None
    figures: Path | None
    hard_negatives: Path | None


@dataclass(frozen=True)
class Tabled:
    """regions: of the cases whose images are there. outside: how many annotations lie off their image."""

    cases: list[Case]
    regions: list[Region]
    missing_images: int
    outside: int


@dataclass(frozen=True)
class PointTables:
    """A published data set of this kind.

    name: the user's. columns: what the first two of a table are. is_one: whether a folder holds it. images: the
    annotated ones of a folder, there or not. needs: what `is_one` looks for, for the user.
    """

    name: str
    columns: Literal["row, column", "x, y"]
    is_one: Callable[[Path], bool]
    images: Callable[[Path], list[TabledImage]]
    needs: str

    def cases(self, folder: Path) -> list[Case]:
        """The annotated images of a folder, which need not be there. Raises InputError for a table that is none."""
        return [_case(folder, each, self._points(each)) for each in self.images(folder)]

    def read(self, folder: Path, spacing_um: float | None = None) -> Tabled:
        """The cases and regions of a folder, a region an image; annotations that lie off it are dropped and counted.

        spacing_um: um/px of images that do not say theirs; as published if not given. Raises InputError as `cases`
        does, and for an image that cannot be read.
        """
        cases, regions, outside = [], [], 0
        for each in self.images(folder):
            points = self._points(each)
            cases.append(_case(folder, each, points))
            if each.image is None:
                continue
            region = slide_region(each.image, cases[-1], spacing_um or each.spacing_um)
            kept = [inside(region, of) for of in points]
            outside += sum(int((~of).sum()) for of in kept)
            regions.append(replace(region, figures=points[0][kept[0]], hard_negatives=points[1][kept[1]]))
        return Tabled(cases, regions, len(cases) - len(regions), outside)

    def _points(self, image: TabledImage) -> tuple[Points, Points]:
        """Figures and look-alikes, each (N, 2), x then y."""
        return self._table(image.figures), self._table(image.hard_negatives)

    def _table(self, path: Path | None) -> Points:
        if path is None or not path.is_file():
            return np.empty((0, 2))
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.reader(file) if row]
            points = np.array([(float(first), float(second)) for first, second, *_ in rows], dtype=np.float64)
        except (OSError, ValueError, csv.Error) as error:
            fix = f"Give lines of {self.columns}, with a comma between."
            raise InputError(f"{path} is no table of {self.name}: {error}.", fix) from error
        points = points.reshape(-1, 2)
        return points[:, ::-1] if self.columns == "row, column" else points


def _case(folder: Path, image: TabledImage, points: tuple[Points, Points]) -> Case:
    figures, look_alikes = map(len, points)
    return Case(folder.name, image.name, image.slide, image.domain, image.scanner, figures, look_alikes)

"""Where TUPAC16 and AMIDA13 have images and tables, CASE/IMAGE.tif and CASE/IMAGE.csv, beneath several folders."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from algorithm.contract import PATCH_SPACING_UM
from training.data.point_tables import TabledImage

STITCHED_CASES = 23
"""Cases of several images, AMIDA13's, which the alternative labels' database and AMi-Br name as they were stitched."""


@dataclass(frozen=True)
class CaseFolders:
    """The folders of one data set, as patterns, and what holds for all of its images.

    figures, hard_negatives: with the tables. images: with the images, beside the data set's own folder. beside: tables
    may lie with the images in the data set's own folder too. names: of what is a case and an image, without suffix.
    """

    domain: str
    scanner: str
    figures: str
    hard_negatives: str | None = None
    images: str | None = None
    beside: bool = False
    names: str = "*/*"

    def are_in(self, folder: Path) -> bool:
        """Whether a folder has a table of figures, or a folder for them."""
        return bool(self._annotated_cases(folder))

    def tabled_images(self, folder: Path) -> list[TabledImage]:
        """The images that tables name, there or not, and those there of an annotated case: they show no figure."""
        cases = self._annotated_cases(folder)
        tables = [*self._tables(folder, self.figures), *self._tables(folder, self.hard_negatives)]
        images = [path for root in self._image_roots(folder) for path in root.glob(f"{self.names}.tif")]
        found = {(path.parent.name, path.stem) for path in (*tables, *images)}
        return [self._image(folder, case, image) for case, image in sorted(found) if case in cases]

    def _image(self, folder: Path, case: str, image: str) -> TabledImage:
        table = f"{case}/{image}.csv"
        return TabledImage(
            name=f"{case}/{image}.tif",
            slide=slide_of(case),
            domain=self.domain,
            scanner=self.scanner,
            spacing_um=PATCH_SPACING_UM,
            image=_first(root / case / f"{image}.tif" for root in self._image_roots(folder)),
            figures=_first(root / table for root in self._table_roots(folder, self.figures)),
            hard_negatives=_first(root / table for root in self._table_roots(folder, self.hard_negatives)),
        )

    def _annotated_cases(self, folder: Path) -> set[str]:
        """Those with a table of figures, or a folder for their tables, which may be empty."""
        own = {path.name for root in folder.glob(self.figures) for path in root.iterdir() if path.is_dir()}
        return own | {path.parent.name for path in self._tables(folder, self.figures)}

    def _tables(self, folder: Path, pattern: str | None) -> list[Path]:
        return [path for root in self._table_roots(folder, pattern) for path in root.glob(f"{self.names}.csv")]

    def _table_roots(self, folder: Path, pattern: str | None) -> list[Path]:
        own = sorted(folder.glob(pattern)) if pattern else []
        return [folder, *own] if self.beside and pattern == self.figures else own

    def _image_roots(self, folder: Path) -> list[Path]:
        return [folder, *sorted(folder.glob(self.images))] if self.images else [folder]


def slide_of(case: str) -> str:
    """The slide of a case, as AMi-Br and the alternative labels' database name it."""
    return f"{case}_stitched1" if case.isdigit() and int(case) <= STITCHED_CASES else case


def _first(paths: Iterable[Path]) -> Path | None:
    return next((path for path in paths if path.is_file()), None)

"""A folder in the layout of TUPAC16's mitosis data: a table of figures an image, without a header.

Sources: Veta et al., "Predicting breast tumor proliferation from whole-slide images: the TUPAC16 challenge", Medical
Image Analysis 2019; Bertram et al., "Are pathologist-defined labels reproducible?", iMIMIC 2020, whose folder TUPAC_AL
is laid out the same, with look-alikes beside the figures. mitoses_ground_truth/CASE/IMAGE.csv and the same in
nonmitoses_ground_truth have a line an annotation: row, then column, px. The images are CASE/IMAGE.tif.
"""

from pathlib import Path

from algorithm.contract import PATCH_SPACING_UM
from training.data.point_tables import PointTables, TabledImage

FIGURES, HARD_NEGATIVES = "mitoses_ground_truth", "nonmitoses_ground_truth"
IMAGES = "mitoses_image_data*"
"""The folders that the published archives of images unpack to; the images may lie beside the tables too."""
DOMAIN = "TUPAC16"
STITCHED_CASES = 23
"""Cases of several images, AMIDA13's, which the alternative labels' database and AMi-Br name as they were stitched."""


def slide_of(case: str) -> str:
    """The slide of a case, as AMi-Br and the alternative labels' database name it."""
    return f"{case}_stitched1" if case.isdigit() and int(case) <= STITCHED_CASES else case


def _is_one(folder: Path) -> bool:
    return (folder / FIGURES).is_dir()


def _images(folder: Path) -> list[TabledImage]:
    """The images that tables name, there or not, and those there of a case with tables: they show no figure."""
    return [_image(folder, case, image) for case, image in _names(folder)]


def _names(folder: Path) -> list[tuple[str, str]]:
    """Case and image of every case with a table of figures."""
    cases = {path.name for path in (folder / FIGURES).iterdir() if path.is_dir()}
    tables = [path for kind in (FIGURES, HARD_NEGATIVES) for path in (folder / kind).glob("*/*.csv")]
    images = [path for root in (folder, *folder.glob(IMAGES)) for path in root.glob("*/*.tif")]
    return sorted({(path.parent.name, path.stem) for path in (*tables, *images) if path.parent.name in cases})


def _image(folder: Path, case: str, image: str) -> TabledImage:
    name, table = f"{case}/{image}.tif", f"{case}/{image}.csv"
    paths = (root / name for root in (folder, *sorted(folder.glob(IMAGES))))
    return TabledImage(
        name=name,
        slide=slide_of(case),
        domain=DOMAIN,
        scanner="",
        spacing_um=PATCH_SPACING_UM,
        image=next((path for path in paths if path.is_file()), None),
        figures=folder / FIGURES / table,
        hard_negatives=folder / HARD_NEGATIVES / table,
    )


TUPAC16 = PointTables("TUPAC16", "row, column", _is_one, _images, f"{FIGURES}/")

"""A folder of MITOS-ATYPIA 14's data: fields of breast carcinoma at 40x, each slide scanned twice.

Source: Roux, Racoceanu et al., MITOS & ATYPIA 14, contest at ICPR 2014. CASE is A and a number (Aperio) or H and
the same number (Hamamatsu), two scans of one slide. The images are CASE/frames/x40/CASE_FIELD.tiff; each has a table of
figures, CASE/mitosis/CASE_FIELD_mitosis.csv, which is empty where there are none, and one of look-alikes,
CASE_FIELD_not_mitosis.csv. A line is x, y, px, and the experts' degree of confidence, which is not used: the majority
that the file's name gives is. Cases may lie a folder deeper, as one unpacks the archives of both scanners into folders
of their own; those without mitosis/ are not annotated and left out.
"""

from pathlib import Path

from algorithm.errors import InputError
from training.data.point_tables import PointTables, TabledImage

SET = "MITOS-ATYPIA 14"
TABLES, IMAGES = "mitosis", "frames/x40"
FIGURES, HARD_NEGATIVES = "_mitosis.csv", "_not_mitosis.csv"
SCANNERS = {"A": ("Aperio ScanScope XT", 0.2455), "H": ("Hamamatsu NanoZoomer 2.0-HT", 0.2274)}
"""By what a case begins with: the scanner and its um/px; Hamamatsu's is the mean of 0.2273 across and 0.2275 down."""


def _is_one(folder: Path) -> bool:
    return bool(_cases(folder))


def _images(folder: Path) -> list[TabledImage]:
    """Raises InputError for a case that is there twice, and as `_images_of`."""
    cases = _cases(folder)
    of_name = {case.name: case for case in cases}
    for case in cases:
        if of_name[case.name] != case:
            raise InputError(f"{case.name} is in {case} and in {of_name[case.name]}.", "Keep one of them.")
    return [image for case in cases for image in _images_of(case)]


def _cases(folder: Path) -> list[Path]:
    """The annotated cases of both scanners."""
    patterns = (f"{outer}[{''.join(SCANNERS)}][0-9][0-9]/{TABLES}" for outer in ("", "*/", "*/*/"))
    return sorted(path.parent for pattern in patterns for path in folder.glob(pattern) if path.is_dir())


def _images_of(case: Path) -> list[TabledImage]:
    """Raises InputError for an image or table of another case, and for an image without a table of figures."""
    scanner, spacing_um = SCANNERS[case.name[0]]
    found = []
    for field in _fields(case):
        image, figures = case / IMAGES / f"{field}.tiff", case / TABLES / f"{field}{FIGURES}"
        if not field.startswith(f"{case.name}_"):
            raise InputError(f"{case} has images or tables of another case, {field}.", "Unpack the data set anew.")
        if not figures.is_file():
            fix = "Unpack the data set anew: images without figures have an empty table."
            raise InputError(f"There is no table of figures {figures}.", fix)
        found.append(
            TabledImage(
                name=image.name,
                slide=f"{SET} {case.name[1:]}",
                domain=scanner,
                scanner=scanner,
                spacing_um=spacing_um,
                image=image if image.is_file() else None,
                figures=figures,
                hard_negatives=case / TABLES / f"{field}{HARD_NEGATIVES}",
            )
        )
    return found


def _fields(case: Path) -> list[str]:
    """What images and tables are called, without their ends."""
    tables = (path.name for path in (case / TABLES).glob(f"*{FIGURES}"))
    images = (path.stem for path in (case / IMAGES).glob("*.tiff"))
    return sorted({*images, *(name.removesuffix(HARD_NEGATIVES).removesuffix(FIGURES) for name in tables)})


MITOS_ATYPIA14 = PointTables(SET, "x, y", _is_one, _images, f"cases that have {TABLES}/ and {IMAGES}/")

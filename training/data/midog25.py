"""The training set of MIDOG 2025's second track: MIDOG++'s mitotic figures, typed.

Source: Weiss et al., "A dataset of atypical vs normal mitoses classification for MIDOG 2025", Zenodo 2025. The table
has a row a figure: image_id (the patch's file), filename (the image of MIDOG++), coordinateX and coordinateY (the
figure's centre in it, px), Tumor, Scanner, Origin, Species, expert1 to expert3 and majority (AMF or NMF).
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from algorithm.contract import PATCH_SPACING_UM
from algorithm.errors import InputError
from training.data.cases import Case
from training.data.images import open_data_image
from training.data.names import scanner_name, tumour_name
from training.data.regions import Region, in_memory

TABLE = "MIDOG25_Atypical_Classification_Train_Set.csv"
PATCHES, IMAGES = "MIDOG25_Binary_Classification_Train_Set", "images"
COLUMNS = ("image_id", "filename", "coordinateX", "coordinateY", "Tumor", "Scanner", "majority")
EXPERTS = ("expert1", "expert2", "expert3")
CLASSES = {"NMF": False, "AMF": True}
CONTEXT_PX = 192
"""What is cut out of an image about a figure: a patch of 128 px and what turning it needs."""


@dataclass(frozen=True)
class Midog25:
    """regions: one a figure, which lies in its middle. missing: of how many there is neither patch nor image."""

    regions: list[Region]
    missing: int


def read_midog25(folder: Path, spacing_um: float | None = None) -> Midog25:
    """The figures of a folder: their patches where they are there, else cut out of MIDOG++'s images in images/.

    spacing_um: of files that do not say theirs (um/px); 0.25 if not given. Raises InputError for a table that is not
    the published one and for a file that cannot be read.
    """
    regions = [_region(folder, row, spacing_um or PATCH_SPACING_UM) for row in _rows(folder / TABLE).itertuples()]
    found = [region for region in regions if region is not None]
    if not found:
        raise InputError(f"{folder} has no image of its table's figures.", f"Lay {PATCHES}/ or {IMAGES}/ there.")
    return Midog25(found, len(regions) - len(found))


def midog25_cases(folder: Path) -> list[Case]:
    """The slides of the table, there or not. Raises InputError as `read_midog25` does for the table."""
    return [
        Case(
            folder.name,
            str(name),
            Path(str(name)).stem,
            tumour_name(first.Tumor),
            scanner_name(first.Scanner),
            len(of),
            0,
        )
        for name, of in _rows(folder / TABLE).groupby("filename")
        for first in of.head(1).itertuples()
    ]


def _rows(path: Path) -> pd.DataFrame:
    try:
        rows = pd.read_csv(path, usecols=[*COLUMNS, *EXPERTS])
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not the published table: {error}.", "Take the published file.") from error
    for number, kind in enumerate(rows.majority, start=2):
        if kind not in CLASSES:
            raise InputError(f"{path}: line {number} calls a figure {kind}, neither AMF nor NMF.", "Correct it.")
    return rows


def _region(folder: Path, row: Any, spacing_um: float) -> Region | None:
    patch, image = folder / PATCHES / row.image_id, folder / IMAGES / row.filename
    if patch.is_file():
        pixels, own_spacing_um, centre = _read(patch, None, spacing_um)
    elif image.is_file():
        pixels, own_spacing_um, centre = _read(image, (row.coordinateX, row.coordinateY), spacing_um)
    else:
        return None
    slide, domain = Path(row.filename).stem, tumour_name(row.Tumor)
    region = in_memory(row.image_id, slide, domain, pixels, own_spacing_um, centre)
    atypical, votes = np.array([CLASSES[row.majority]]), np.array([_share_for_atypical(row)])
    return replace(region, scanner=scanner_name(row.Scanner), whole=False, atypical=atypical, votes=votes)


def _share_for_atypical(row: Any) -> float:
    """Of the experts who named a type; the majority's where none did."""
    named = [CLASSES[vote] for vote in (getattr(row, expert) for expert in EXPERTS) if vote in CLASSES]
    return float(np.mean(named or [CLASSES[row.majority]]))


def _read(path: Path, centre: tuple[float, float] | None, spacing_um: float) -> Any:
    """The pixels of a patch, or those of an image about a centre; their spacing, and where the centre lies in them."""
    with open_data_image(path, spacing_um) as image:
        x, y = centre or (image.width / 2, image.height / 2)
        left, right = _about(x, image.width) if centre else (0, image.width)
        top, bottom = _about(y, image.height) if centre else (0, image.height)
        if left >= right or top >= bottom:
            raise InputError(f"{path} has no pixel at ({x:g}, {y:g}).", "Take the image that the table was made of.")
        pixels = image.read(left, top, right - left, bottom - top)
        return pixels, image.spacing_um[0], np.array([[x - left, y - top]])


def _about(centre: float, length: int) -> tuple[int, int]:
    """Where a cut of CONTEXT_PX about a centre begins and ends within a side."""
    start = round(centre) - CONTEXT_PX // 2
    return max(start, 0), min(start + CONTEXT_PX, length)

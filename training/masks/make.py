"""Making the masks of data sets: one file each, a summary and a contact sheet, in a folder that appears whole."""

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from algorithm.errors import AlgorithmError, InputError
from training.data.regions import Region
from training.masks.figure import WAYS, FigureMask
from training.masks.files import DataSetMasks, RegionMasks, write_masks
from training.masks.sheet import contact_sheet

SUMMARY, SHEET = "summary.json", "contact-sheet.png"
Segment = Callable[[Region], Iterable[FigureMask]]
"""The mask of each figure of a region, in their order."""


def make_masks(
    name: str, regions: Sequence[Region], segment: Segment, settings: dict[str, float], advance: Callable[[], None]
) -> DataSetMasks:
    """The masks of a data set, with the settings that `segment` has; advance is called after every figure."""
    made = []
    for region in regions:
        masks = []
        for mask in segment(region):
            masks.append(mask)
            advance()
        size = (region.width, region.height)
        made.append(RegionMasks(region.name, *size, region.spacing_um, region.figures, masks))
    return DataSetMasks(name, made, settings)


def summary(masks: DataSetMasks) -> dict[str, Any]:
    """How many figures there are, how many masks each way gave, and the median area in um2."""
    ways = Counter(mask.way for mask in masks.masks)
    areas = [mask.area_px * region.spacing_um**2 for region in masks.regions for mask in region.masks]
    counts: dict[str, int] = {way: ways[way] for way in WAYS}
    median = round(float(np.median(areas)), 2) if areas else 0.0
    return {"data_set": masks.data_set, "figures": len(areas), **counts, "median_area_um2": median}


def write_folder(
    output: Path, made: Sequence[DataSetMasks], data_sets: Sequence[Sequence[Region]], about: dict[str, Any]
) -> None:
    """NAME.npz for every data set, summary.json (with `about`, how they were made) and contact-sheet.png.

    data_sets: the regions of each. Raises InputError where there is no figure, AlgorithmError where the folder is there
    already or cannot be written.
    """
    require_new(output)
    if not any(masks.masks for masks in made):
        raise InputError("The data hold no mitotic figure.", "Give data sets with figures.")
    pairs = zip(
        (region for regions in data_sets for region in regions),
        (region.masks for masks in made for region in masks.regions),
        strict=True,
    )
    sheet = contact_sheet(list(pairs))
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".masks-") as beside:
            folder = Path(beside) / output.name
            folder.mkdir()
            for masks in made:
                write_masks(folder / f"{masks.data_set}.npz", masks)
            document = {**about, "data_sets": [summary(masks) for masks in made]}
            (folder / SUMMARY).write_text(json.dumps(document, indent=1) + "\n")
            sheet.save(folder / SHEET)
            folder.rename(output)
    except OSError as error:
        raise AlgorithmError(f"{output} cannot be written: {error}.", "Free some space, or choose another.") from error


def require_new(output: Path) -> None:
    """Raises AlgorithmError where the place is taken."""
    if output.exists():
        raise AlgorithmError(f"{output} is there already.", "Give another folder, or remove it first.")

"""Training with masks: those of the files are given to the regions that they were made of."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from algorithm.errors import InputError
from training.data.names import data_set_name
from training.data.read import Data
from training.data.regions import Region
from training.digest import digest
from training.mask_settings import MaskSettings
from training.masks.figure import at_scale, paint
from training.masks.files import DataSetMasks, RegionMasks, read_masks

MAKE = "Make masks of this data set: python -m training make-masks."
TOLERANCE_PX, DRIFT = 1.5, 1 / 1024
"""How far a centre may lie from where it was: px, and per px from the corner, since scales are rounded."""


def with_masks(data: Data, folders: Sequence[Path], files: Sequence[Path], settings: MaskSettings) -> Data:
    """The data with masks for the figures of all annotated data sets, whose folders are given in their order.

    Masks of another resolution are brought to the regions'. Raises InputError for a data set of which no file or more
    than one has masks, for masks that were made with other settings, and for a region whose masks are missing or belong
    to other figures.
    """
    known: dict[str, tuple[Path, DataSetMasks]] = {}
    for file in files:
        found = read_masks(file)
        if found.data_set in known:
            first = known[found.data_set][0]
            raise InputError(f"{first} and {file} both have masks of {found.data_set}.", "Give one of them.")
        _require_settings(found.settings, settings, file)
        known[found.data_set] = file, found
    annotated, record = [], []
    for folder, regions in zip(folders, data.annotated, strict=True):
        name = data_set_name(folder)
        if name not in known:
            raise InputError(f"No file of masks is of {name}, but of {', '.join(known) or 'nothing'}.", MAKE)
        file, found = known[name]
        of = {region.name: region for region in found.regions}
        annotated.append([_with_mask(region, of.get(region.name), f"{file}: {name}") for region in regions])
        record.append({"data_set": name, "file": file.name, "sha256": digest(file)})
    return replace(data, annotated=annotated, masks=record)


def _require_settings(found: dict[str, float], wanted: MaskSettings, file: Path) -> None:
    """Raises InputError where masks were made in another way than the recipe says."""
    for key, value in found.items():
        if value != getattr(wanted, key, None):
            problem = f"{file}: its masks were made with {key}={value:g}, the recipe's masks.{key} is not that"
            raise InputError(f"{problem}.", f"Give masks.{key}={value:g}, or make the masks again with --recipe.")


def _with_mask(region: Region, stored: RegionMasks | None, where: str) -> Region:
    if stored is None:
        if not len(region.figures):
            return region
        raise InputError(f"{where} has no masks of {region.name}.", MAKE)
    scale = region.spacing_um / stored.spacing_um
    problem = _difference(region, stored, scale)
    if problem:
        raise InputError(f"{where}: the masks of {region.name} are of another annotation: {problem}.", MAKE)
    pairs = zip(stored.masks, stored.figures, region.figures, strict=True)
    masks = [at_scale(mask, before, scale, after) for mask, before, after in pairs]
    return replace(region, mask=partial(paint, masks))


def _difference(region: Region, stored: RegionMasks, scale: float) -> str:
    """Why masks are not of this region, nothing where they are."""
    if len(stored.figures) != len(region.figures):
        return f"{len(stored.figures)} figures, not {len(region.figures)}"
    sizes = np.array([stored.width, stored.height]) / scale, np.array([region.width, region.height])
    if (np.abs(sizes[0] - sizes[1]) > TOLERANCE_PX + DRIFT * sizes[1]).any():
        return f"an image of {' x '.join(f'{side:.0f}' for side in sizes[0])} px at the recipe's resolution"
    moved = np.abs((stored.figures + 0.5) / scale - 0.5 - region.figures) - DRIFT * np.abs(region.figures)
    return "" if (moved <= TOLERANCE_PX).all() else "its figures lie elsewhere"

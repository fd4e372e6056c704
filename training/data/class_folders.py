"""A folder for each class: normal/ and atypical/, one picture a mitotic figure, which lies in its middle."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from algorithm.contract import PATCH_SPACING_UM
from algorithm.errors import InputError
from training.data.images import open_data_image
from training.data.regions import Region, in_memory

CLASSES = {"normal": False, "nmf": False, "atypical": True, "amf": True}
NAMES = "normal and atypical (or NMF and AMF)"
SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff"}


def is_one(folder: Path) -> bool:
    """Whether a folder has a folder of each class."""
    return {CLASSES[path.name.lower()] for path in _folders(folder)} == {False, True}


def read_class_folders(folder: Path, spacing_um: float | None = None) -> list[Region]:
    """One region a picture, of the domain that the folder is called.

    A picture `SLIDE_NUMBER.png` is of that slide; one without `_` in its name is a slide of its own. Pictures that do
    not say their spacing have `spacing_um`, else 0.25 um/px. Raises InputError for one that cannot be read.
    """
    regions = []
    for of_class in _folders(folder):
        for path in sorted(path for path in of_class.iterdir() if path.suffix.lower() in SUFFIXES):
            regions.append(_region(path, folder.name, CLASSES[of_class.name.lower()], spacing_um or PATCH_SPACING_UM))
    if not regions:
        raise InputError(f"The folders of classes in {folder} hold no pictures.", f"Fill them: {NAMES}.")
    return regions


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name.lower() in CLASSES)


def _region(path: Path, domain: str, atypical: bool, spacing_um: float) -> Region:
    with open_data_image(path, spacing_um) as image:
        pixels = image.read(0, 0, image.width, image.height)
        own_spacing_um = image.spacing_um[0]
    slide = path.stem.rpartition("_")[0] or path.stem
    middle = np.array([[pixels.shape[1] / 2, pixels.shape[0] / 2]])
    region = in_memory(f"{path.parent.name}/{path.name}", slide, domain, pixels, own_spacing_um, middle)
    return replace(region, whole=False, atypical=np.array([atypical]))

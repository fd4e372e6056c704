"""Pictures of tissue without mitotic figures: a folder of PNG, JPEG or TIFF files, whatever their spacing."""

from pathlib import Path

import numpy as np

from algorithm.errors import InputError
from algorithm.images import open_image
from training.data.regions import Region, in_memory

DOMAIN = "figure-free tissue"
SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff"}


def read_figure_free(folder: Path, resolution_um_px: float) -> list[Region]:
    """One region a picture, its pixels taken as if they were at the resolution, since their spacing is often unknown.

    Augmentation varies their scale.
    Raises InputError where the folder holds no picture.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    if not paths:
        raise InputError(f"{folder} holds no pictures.", f"Give a folder of {', '.join(sorted(SUFFIXES))} files.")
    regions = []
    for path in paths:
        with open_image(path, spacing_um=resolution_um_px) as image:
            pixels = image.read(0, 0, image.width, image.height)
        regions.append(in_memory(path.name, path.stem, DOMAIN, pixels, resolution_um_px, np.empty((0, 2))))
    return regions

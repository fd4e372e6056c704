"""Patches of figure-free tissue by the hundred thousand: read from their files each time, never held in memory."""

from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np

from algorithm.errors import InputError
from algorithm.images import open_image
from training.data.figure_free import DOMAIN
from training.data.regions import Pixels, Region

PATCH_PX, SPACING_UM = 224, 0.5
"""What SPIDER and NCT-CRC-HE-100K publish: squares of 224 px at 20x."""


def patch_region(path: Path, slide: str, tissue: str) -> Region:
    """A patch of a class of tissue. Its file is first opened to be read: InputError then if it is no such patch."""
    return Region(
        name=path.name,
        slide=slide,
        domain=DOMAIN,
        width=PATCH_PX,
        height=PATCH_PX,
        spacing_um=SPACING_UM,
        read=partial(_read, path),
        figures=np.empty((0, 2)),
        hard_negatives=np.empty((0, 2)),
        tissue=tissue,
    )


def count_tissue(regions: list[Region]) -> str:
    """How many patches, and of which classes, for the user."""
    classes = Counter(region.tissue for region in regions)
    return f"{len(regions)} patches ({', '.join(f'{name} {count}' for name, count in sorted(classes.items()))})"


def _read(path: Path, x: int, y: int, width: int, height: int) -> Pixels:
    with open_image(path, SPACING_UM) as image:
        if (image.width, image.height) != (PATCH_PX, PATCH_PX):
            size = f"{image.width} x {image.height} px, not {PATCH_PX} x {PATCH_PX}"
            raise InputError(f"{path} has {size}.", "Take the published file.")
        return image.read(x, y, width, height)

"""Regions that are whole image files, of any size: read window by window, never held in memory."""

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algorithm.images import MAX_PIXELS, Image, open_image
from training.data.cases import Case
from training.data.images import open_data_image
from training.data.regions import Pixels, Points, Region

MAX_SLIDE_PIXELS = 100_000_000_000
"""No scanner makes a larger slide; a file that declares one is broken."""


def slide_region(path: Path, case: Case, spacing_um: float | None) -> Region:
    """A case's image without its annotations.

    spacing_um: um/px of an image that does not say its own. A slide larger than regions may be is not searched after
    every epoch, so it is not `whole`. Raises InputError, SpacingError.
    """
    with open_data_image(path, spacing_um, MAX_SLIDE_PIXELS) as image:
        return image_region(path, case, image, MAX_SLIDE_PIXELS)


def image_region(path: Path, case: Case, image: Image, max_pixels: int = MAX_PIXELS) -> Region:
    """The region of a case's open image, which its windows open again; without annotations."""
    return Region(
        name=case.name,
        slide=case.slide,
        domain=case.domain,
        width=image.width,
        height=image.height,
        spacing_um=image.spacing_um[0],
        read=partial(_read, path, image.spacing_um[0], max_pixels),
        figures=np.empty((0, 2)),
        hard_negatives=np.empty((0, 2)),
        scanner=case.scanner,
        whole=image.width * image.height <= MAX_PIXELS,
    )


def inside(region: Region, points: Points) -> NDArray[np.bool_]:
    """Which points (N, 2), x then y, px, lie on the region: (N,) bool."""
    kept = (points >= 0) & (points < (region.width, region.height))
    return np.asarray(kept.all(axis=1), dtype=np.bool_)


def _read(path: Path, spacing_um: float, max_pixels: int, x: int, y: int, width: int, height: int) -> Pixels:
    with open_image(path, spacing_um, max_pixels) as image:
        return image.read(x, y, width, height)

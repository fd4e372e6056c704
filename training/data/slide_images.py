"""Regions that are whole image files, of any size: read window by window, never held in memory."""

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algorithm.images import MAX_PIXELS, open_image
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
        width, height, own_spacing_um = image.width, image.height, image.spacing_um[0]
    return Region(
        name=case.name,
        slide=case.slide,
        domain=case.domain,
        width=width,
        height=height,
        spacing_um=own_spacing_um,
        read=partial(_read, path, own_spacing_um),
        figures=np.empty((0, 2)),
        hard_negatives=np.empty((0, 2)),
        scanner=case.scanner,
        whole=width * height <= MAX_PIXELS,
    )


def inside(region: Region, points: Points) -> NDArray[np.bool_]:
    """Which points (N, 2), x then y, px, lie on the region: (N,) bool."""
    kept = (points >= 0) & (points < (region.width, region.height))
    return np.asarray(kept.all(axis=1), dtype=np.bool_)


def _read(path: Path, spacing_um: float, x: int, y: int, width: int, height: int) -> Pixels:
    with open_image(path, spacing_um, MAX_SLIDE_PIXELS) as image:
        return image.read(x, y, width, height)

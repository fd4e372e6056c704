"""Masks of mitotic figures for segmentation: a disk around each annotated centre, and windows that leave a region."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from training.data.regions import Points, reflected

Draw = Callable[[int, int, int, int], NDArray[np.uint8]]
"""Makes the mask (height, width) of a window within its region: x, y, width, height, px."""


def disk_mask(points: Points, x: int, y: int, width: int, height: int, radius_px: float) -> NDArray[np.uint8]:
    """The window's mask (height, width), 1 within radius_px of a point; points (N, 2), x then y, px of the region."""
    rows, columns = np.arange(y, y + height)[:, None], np.arange(x, x + width)
    mask = np.zeros((height, width), np.uint8)
    near = points[
        (points >= np.array([x, y]) - radius_px).all(1)
        & (points <= np.array([x + width, y + height]) + radius_px).all(1)
    ]
    for centre_x, centre_y in near:
        mask |= ((columns - centre_x) ** 2 + (rows - centre_y) ** 2 <= radius_px**2).astype(np.uint8)
    return mask


def padded(draw: Draw, size: tuple[int, int], x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
    """The mask of a window that may leave a region of `size` (width, height): reflected as its pixels are."""
    columns, rows = reflected(x, width, size[0]), reflected(y, height, size[1])
    left, top = int(columns.min()), int(rows.min())
    whole = draw(left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1)
    return whole[np.ix_(rows - top, columns - left)]

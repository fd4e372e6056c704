"""Where a click lies, the window about it, and what a network is told of it and of the others.

Source of the maps: Koohbanani et al., "NuClick", Medical Image Analysis 2020, section 3.1.
"""

import numpy as np
from numpy.typing import NDArray

from training.data.regions import Points, Region

Pixel = NDArray[np.int64]


def click_in(region: Region, point: Points) -> Pixel:
    """The pixel (2,) that a point lies in, x then y, or the nearest one of the region; pixels' middles are whole."""
    pixel = np.floor(point + 0.5).astype(np.int64)
    return np.clip(pixel, 0, (region.width - 1, region.height - 1))


def window_corner(region: Region, click: Pixel, side: int) -> tuple[int, int]:
    """Where a square window about a click begins, x then y; shifted at the region's borders so that it stays inside.

    A window larger than the region begins at 0.
    """
    x, y = np.clip(click - side // 2, 0, np.maximum(np.array([region.width, region.height]) - side, 0))
    return int(x), int(y)


def guiding_maps(region: Region, number: int, corner: tuple[int, int], side: int) -> NDArray[np.float32]:
    """(2, side, side): 1 at the region's figure `number`, and 1 at every other annotated centre, else 0.

    Figures and hard negatives alike are other centres; one in the same pixel as the figure is left out.
    """
    maps = np.zeros((2, side, side), np.float32)
    others = np.concatenate([np.delete(region.figures, number, axis=0), region.hard_negatives])
    for column, row in np.floor(others + 0.5).astype(np.int64) - corner:
        if 0 <= row < side and 0 <= column < side:
            maps[1, row, column] = 1
    column, row = click_in(region, region.figures[number]) - corner
    maps[:, row, column] = 1, 0
    return maps

"""The mask of one figure, and windows and other resolutions of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from training.data.regions import Points

Mask = NDArray[np.bool_]
Way = Literal["nuclick", "threshold", "disk"]
WAYS: tuple[Way, ...] = get_args(Way)


@dataclass(frozen=True, eq=False)
class FigureMask:
    """The pixels of one figure. x, y: where the mask's corner lies, px of the region; way: what gave the mask.

    mask: (height, width) bool, no larger than the figure.
    """

    x: int
    y: int
    mask: Mask
    way: Way

    @property
    def area_px(self) -> int:
        """How many pixels the figure has."""
        return int(self.mask.sum())

    def trimmed(self) -> "FigureMask":
        """The same without empty rows and columns at its borders; something of it must be there."""
        rows, columns = np.flatnonzero(self.mask.any(axis=1)), np.flatnonzero(self.mask.any(axis=0))
        inner = self.mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return replace(self, x=self.x + int(columns[0]), y=self.y + int(rows[0]), mask=inner)


def paint(masks: Sequence[FigureMask], x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
    """A window of all the figures of a region: (height, width), 1 on figures, 0 elsewhere; x, y, px of the region."""
    window = np.zeros((height, width), np.uint8)
    for figure in masks:
        rows, columns = figure.mask.shape
        left, right = max(figure.x, x), min(figure.x + columns, x + width)
        top, bottom = max(figure.y, y), min(figure.y + rows, y + height)
        if left < right and top < bottom:
            part = figure.mask[top - figure.y : bottom - figure.y, left - figure.x : right - figure.x]
            window[top - y : bottom - y, left - x : right - x] |= part
    return window


def at_scale(figure: FigureMask, centre: Points, scale: float, new_centre: Points) -> FigureMask:
    """The mask with pixels `scale` times as long: one is set where the figure covers at least half of it.

    centre, new_centre: (2,) x, y of the annotation in px before and after, which the mask keeps its place about. A
    figure that covers half of none keeps the pixel of which it covers most.
    """
    if scale == 1:
        return figure
    start_x, start_y = np.round((np.array([figure.x, figure.y]) - centre - 0.5) / scale + new_centre + 0.5, 6)
    x, columns = _cover(float(start_x), figure.mask.shape[1], scale)
    y, rows = _cover(float(start_y), figure.mask.shape[0], scale)
    covered = rows @ figure.mask.astype(float) @ columns.T
    return replace(figure, x=x, y=y, mask=covered >= min(0.5, covered.max()) - 1e-9).trimmed()


def _cover(start: float, length: int, scale: float) -> tuple[int, NDArray[np.float64]]:
    """The first new pixel, and which share of each new pixel each old one covers: (new, old).

    Old pixels are 1 / scale long and begin at `start`, in new pixels.
    """
    edges = start + np.arange(length + 1) / scale
    first, end = int(np.floor(edges[0])), int(np.ceil(edges[-1]))
    new = np.arange(first, end)[:, None]
    return first, np.clip(np.minimum(new + 1, edges[1:]) - np.maximum(new, edges[:-1]), 0, None)

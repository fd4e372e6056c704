"""A view smoothed and reduced by halves, window by window, without seams."""

import math

import numpy as np
from numpy.typing import NDArray

from algorithm.patches import read_mirrored
from algorithm.tiles import View
from algorithm.tissue import padding_whitened


class ReducedView:
    """`view` halved so often, and blurred: pixel (x, y) lies on pixel (x, y) * scale of the view.

    Each halving is a Gaussian of five pixels of which every second one stays; in the end one of three pixels blurs. All
    in whole numbers and mirrored at the view's border, so every window equals the same part of the whole. So MitDet's
    code prepares a picture (a pyramid's step, then 3 x 3 px). Black padding counts as glass.
    """

    def __init__(self, view: View, halvings: int) -> None:
        self._view = view
        self._halvings = halvings
        self.scale = 2**halvings
        self.width, self.height = (math.ceil(length / self.scale) for length in (view.width, view.height))

    def read(self, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        """The window (height, width, 3) at (x, y), px of the reduced view. Raises InputError for damage."""
        (left, right), (top, bottom) = self._source(x, width), self._source(y, height)
        pixels = padding_whitened(read_mirrored(self._view, left, top, right - left, bottom - top))
        for _ in range(self._halvings):
            pixels = _filtered(pixels, (1, 4, 6, 4, 1), step=2)
        return _filtered(pixels, (1, 2, 1), step=1)

    def _source(self, start: int, length: int) -> tuple[int, int]:
        """First and end px of the view that such a stretch is made of."""
        first, end = start - 1, start + length + 1
        for _ in range(self._halvings):
            first, end = 2 * first - 2, 2 * end + 1
        return first, end


def _filtered(pixels: NDArray[np.uint8], weights: tuple[int, ...], step: int) -> NDArray[np.uint8]:
    """Every step-th pixel, smoothed along both sides, where all that the weights reach is there."""
    rows = _along(pixels.astype(np.uint16), weights, step)  # sums of no more than 255 * 16 * 16
    sums = _along(rows.swapaxes(0, 1), weights, step).swapaxes(0, 1)
    total = sum(weights) ** 2
    return ((sums + total // 2) // total).astype(np.uint8)


def _along(values: NDArray[np.uint16], weights: tuple[int, ...], step: int) -> NDArray[np.uint16]:
    """Weighted sums along the first side, at every step-th place."""
    count = (len(values) - len(weights)) // step + 1
    sums = np.zeros((count, *values.shape[1:]), np.uint16)
    for place, weight in enumerate(weights):
        sums += weight * values[place : place + step * (count - 1) + 1 : step]
    return sums

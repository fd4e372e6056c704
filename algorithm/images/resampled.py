"""An image seen at another spacing, window by window, without seams."""

import math
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from algorithm.images.base import Image, Pixels, check_window

SAME_SPACING = 0.01
"""Spacings that differ by less than this share are one and the same."""

_KERNEL = PillowImage.Resampling.BICUBIC
_SUPPORT = 2  # px of the kernel to each side, times the scale where the view is coarser
OVERSHOOT = 0.3
"""How far a pixel of a view may lie beyond those it is made of, as a share of the range of these (rounding aside): with
the kernel's negative weights of up to an eighth along each axis, (1.25^2 - 1) / 2."""

_BLOCK = 512  # view px resampled at once, along each axis
_THREADS = 2  # blocks resampled side by side; more would hold more level-0 pixels
_SCALE_STEPS = 2048  # scales are multiples of 1/2048: a block's corners are then exact in Pillow's float32


class ResampledImage:
    """`image` at `spacing_um`, isotropic. Pixel centres are aligned: x0 = (xv + 0.5) * scale - 0.5.

    Where the spacing agrees within 1 % along an axis, the view has the image's own pixels there.
    Coarser views are antialiased. The scale is rounded to 1/2048, far below that 1 %, which makes every window equal
    to the same part of the whole view, bit by bit.
    """

    def __init__(self, image: Image, spacing_um: float) -> None:
        if not (math.isfinite(spacing_um) and spacing_um > 0):
            raise ValueError(f"spacing {spacing_um} um/px")
        self.image = image
        self.spacing_um = spacing_um
        self.scale_x, self.scale_y = (_scale(spacing_um, own_um) for own_um in image.spacing_um)
        self.width = max(1, round(image.width / self.scale_x))
        self.height = max(1, round(image.height / self.scale_y))

    def read(self, x: int, y: int, width: int, height: int) -> Pixels:
        """The window at (x, y), view px: (height, width, 3) uint8 RGB.

        Raises ValueError if it is empty or leaves the view, InputError if the file is damaged there.
        """
        check_window(x, y, width, height, self.width, self.height)
        if self.scale_x == self.scale_y == 1.0:
            return self.image.read(x, y, width, height)
        window = np.empty((height, width, 3), np.uint8)

        def resample_block(place: tuple[int, int]) -> None:
            top, left = place
            block = window[top : top + _BLOCK, left : left + _BLOCK]
            block[...] = self._resample(x + left, y + top, block.shape[1], block.shape[0])

        places = list(product(range(0, height, _BLOCK), range(0, width, _BLOCK)))
        if len(places) == 1:  # threads would take as long to start as a small window takes
            resample_block(places[0])
        else:
            with ThreadPoolExecutor(_THREADS) as pool:
                list(pool.map(resample_block, places))
        return window

    def extremes(self, y: int, height: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The lowest and the highest value that each column of such rows is made of, whatever the channel: (width,).

        Of the image's own pixels: a view's lie within OVERSHOOT of them. Nothing is resampled. Raises as `read` does.
        """
        check_window(0, y, self.width, height, self.width, self.height)
        top, bottom = _source_range(y, height, self.scale_y)
        rows = slice(max(top, 0), min(bottom, self.image.height))
        pixels = self.image.read(0, rows.start, self.image.width, rows.stop - rows.start)
        left, right = _source_range(0, 1, self.scale_x)
        centres = np.minimum((np.arange(self.width) + 0.5) * self.scale_x, self.image.width - 1).astype(np.intp)
        lowest = minimum_filter1d(pixels.min(axis=0).min(axis=1), right - left + 2, mode="nearest")
        highest = maximum_filter1d(pixels.max(axis=0).max(axis=1), right - left + 2, mode="nearest")
        return lowest[centres], highest[centres]

    def to_level0(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (N, 2) in view px, x then y, as level-0 px of the image."""
        return (points + 0.5) * (self.scale_x, self.scale_y) - 0.5

    def from_level0(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (N, 2) in level-0 px, x then y, as view px."""
        return (points + 0.5) / (self.scale_x, self.scale_y) - 0.5

    def _resample(self, x: int, y: int, width: int, height: int) -> Pixels:
        left, right = _source_range(x, width, self.scale_x)
        top, bottom = _source_range(y, height, self.scale_y)
        source = self._read_padded(left, top, right - left, bottom - top)
        # One axis, then the other: left to itself, Pillow takes them in an order that depends on the window.
        columns = (x * self.scale_x - left, 0, (x + width) * self.scale_x - left, bottom - top)
        rows = (0, y * self.scale_y - top, width, (y + height) * self.scale_y - top)
        squeezed = PillowImage.fromarray(source).resize((width, bottom - top), _KERNEL, columns)
        return np.asarray(squeezed.resize((width, height), _KERNEL, rows))

    def _read_padded(self, x: int, y: int, width: int, height: int) -> Pixels:
        """A window of level 0 that may leave the image; the image's border is repeated outside."""
        x0, x1 = max(x, 0), min(x + width, self.image.width)
        y0, y1 = max(y, 0), min(y + height, self.image.height)
        inside = self.image.read(x0, y0, x1 - x0, y1 - y0)
        margins = ((y0 - y, y + height - y1), (x0 - x, x + width - x1), (0, 0))
        return np.pad(inside, margins, mode="edge")


def _scale(view_um: float, own_um: float) -> float:
    """Image px per view px; exactly 1 where the spacings agree."""
    scale = view_um / own_um
    if abs(scale - 1.0) <= SAME_SPACING:
        return 1.0
    return max(1, round(scale * _SCALE_STEPS)) / _SCALE_STEPS


def _source_range(start: int, length: int, scale: float) -> tuple[int, int]:
    """First and end image px that the view px start .. start + length are made of."""
    margin = math.ceil(_SUPPORT * max(scale, 1.0)) + 1
    return math.floor(start * scale) - margin, math.ceil((start + length) * scale) + margin

"""Images made of arrays, for tests that need pixels and no file."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algorithm.images.base import Image
from algorithm.images.resampled import ResampledImage
from algorithm.images.spacing import Spacing

STROMA = (222, 160, 200)
FIGURE = (60, 35, 110)
CANDIDATE = (120, 90, 140)
GLASS = (242, 241, 243)


class ArrayImage(Image):
    """An image held in memory: pixels (height, width, 3) uint8."""

    def __init__(self, pixels: NDArray[np.uint8], spacing_um: float = 0.25) -> None:
        self.pixels = pixels
        super().__init__(
            Path("array.tiff"), pixels.shape[1], pixels.shape[0], Spacing(spacing_um, spacing_um, "option")
        )

    def _read(self, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        return self.pixels[y : y + height, x : x + width]

    def close(self) -> None:
        """Nothing is open."""


def view_of(pixels: NDArray[np.uint8], spacing_um: float = 0.25) -> ResampledImage:
    """Pixels seen as they are."""
    return ResampledImage(ArrayImage(pixels, spacing_um), spacing_um)


def plain(width: int, height: int, colour: tuple[int, int, int] = STROMA) -> NDArray[np.uint8]:
    """An image of one colour."""
    return np.full((height, width, 3), colour, np.uint8)


def paint_ellipse(
    pixels: NDArray[np.uint8],
    x: float,
    y: float,
    radius_x: float,
    radius_y: float,
    colour: tuple[int, int, int] = FIGURE,
) -> None:
    """Fill an upright ellipse about (x, y), px."""
    rows, columns = np.ogrid[: pixels.shape[0], : pixels.shape[1]]
    pixels[((columns - x) / radius_x) ** 2 + ((rows - y) / radius_y) ** 2 <= 1] = colour

"""An image in memory."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algorithm.images.base import Image, Pixels
from algorithm.images.spacing import Spacing


class ArrayImage(Image):
    """An image whose pixels are an array (height, width, 3); it remembers the largest window that was read."""

    def __init__(self, pixels: NDArray[np.uint8], x_um: float = 0.25, y_um: float = 0.25) -> None:
        super().__init__(Path("region.tiff"), pixels.shape[1], pixels.shape[0], Spacing(x_um, y_um, "tag"))
        self.pixels = pixels
        self.largest_read = 0

    def _read(self, x: int, y: int, width: int, height: int) -> Pixels:
        self.largest_read = max(self.largest_read, width * height)
        return self.pixels[y : y + height, x : x + width]

    def close(self) -> None:
        pass

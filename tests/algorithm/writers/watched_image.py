"""An image in memory that watches how it is read."""

from algorithm.images.base import Pixels
from tests.algorithm.images.drawing import DrawnImage


class WatchedImage(DrawnImage):
    """It remembers the largest window that was read, in px."""

    largest_read = 0

    def _read(self, x: int, y: int, width: int, height: int) -> Pixels:
        self.largest_read = max(self.largest_read, width * height)
        return super()._read(x, y, width, height)

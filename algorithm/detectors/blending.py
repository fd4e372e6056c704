"""The mean of overlapping tiles, finished band by band."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


class BlendedRows:
    """Adds tiles up in the rows that a row of tiles covers, and hands out rows that no later tile reaches.

    weights: (H, W) float32, the weight of each pixel of a tile. Tiles must come from above to below. Sums are float32
    and taken in the order of the tiles, so that the same tiles give the same bytes.
    """

    def __init__(self, width: int, height: int, weights: NDArray[np.float32], members: int) -> None:
        self._weights = weights
        self._width, self._height = width, height
        self._y = 0
        self._sums = np.zeros((members, len(weights), width), np.float32)
        self._weight = np.zeros((len(weights), width), np.float32)

    def add(self, x: int, probabilities: NDArray[np.float32]) -> None:
        """Add a tile (M, H, W) that starts at column x and at the row last advanced to."""
        columns = slice(x, min(x + self._weights.shape[1], self._width))
        weights = self._weights[:, : columns.stop - x]
        self._sums[..., columns] += probabilities[..., : columns.stop - x] * weights
        self._weight[:, columns] += weights

    def advance(self, y: int) -> Iterator[NDArray[np.float32]]:
        """Finish the rows above y: each band (M, H, W), H at most a tile, with 0 where no tile was."""
        while self._y < y:
            count = min(y - self._y, len(self._weights))
            sums, weight = self._sums[:, :count], self._weight[:count]
            yield np.divide(sums, weight, out=np.zeros_like(sums), where=weight > 0)
            for rows in (*self._sums, self._weight):
                rows[:-count] = rows[count:]
                rows[-count:] = 0
            self._y += count

    def finish(self) -> Iterator[NDArray[np.float32]]:
        """The rows left, to the bottom of the view."""
        return self.advance(self._height)

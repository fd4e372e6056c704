"""Ways of looking at a tile: mirrored or not, in quarter turns; and boxes seen so, back in the tile."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from algorithm.boxes_manifest import Views
from algorithm.size import Size


class View(NamedTuple):
    """Mirrored left to right first, then turned counterclockwise by quarters."""

    mirrored: bool
    turns: int

    def of(self, tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Tiles (B, H, W, 3), seen so: odd turns make their height their width."""
        seen = tiles[:, :, ::-1] if self.mirrored else tiles
        return np.ascontiguousarray(np.rot90(seen, self.turns, axes=(1, 2)))

    def back(self, boxes: NDArray[np.float64], tile_px: Size) -> NDArray[np.float64]:
        """Boxes (N, 4) seen so, left, top, right and bottom, pixel centres at whole numbers, as the tile lies."""
        width, height = tile_px if self.turns % 2 == 0 else reversed(tile_px)
        left, top, right, bottom = boxes.T
        for _ in range(self.turns):  # what is turned back by a quarter has its top on the right
            left, top, right, bottom = height - 1 - bottom, left, height - 1 - top, right
            width, height = height, width
        if self.mirrored:
            left, right = width - 1 - right, width - 1 - left
        return np.stack((left, top, right, bottom), axis=1)


AS_IT_LIES = View(False, 0)
TURNS = tuple(View(False, turns) for turns in range(4))
VIEWS: dict[Views, tuple[View, ...]] = {
    "one": (AS_IT_LIES,),
    "five": (*TURNS, View(True, 0)),
    "eight": (*TURNS, *(View(True, turns) for turns in range(4))),
}

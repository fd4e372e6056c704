"""What every way of detecting offers to its callers."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algorithm.detections import Detections
from algorithm.settings import Settings
from algorithm.size import TileSize
from algorithm.tiles import TileGrid, stride_px
from algorithm.tissue import TissueMap

Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Tiles (B, H, W, 3) uint8 RGB to probabilities (M, B, H, W) float32, one map a member."""
Progress = Callable[[int, int, float, float], None]
"""Called with tiles done, tiles in all, mm2 of tissue done (in proportion to the tiles) and mm2 in all."""
Judging = Callable[[int, int], None]
"""Called with detections that a second stage has judged, and detections in all."""


class Tiling(Settings):
    """How tiles are laid; the overlap is a share of their shorter side."""

    tile_px: TileSize
    overlap: float

    def grid(self, tissue: TissueMap) -> TileGrid:
        """The tiles to run over the tissue of a view."""
        stride = stride_px(self.tile_px, self.overlap)
        return TileGrid(tissue.width, tissue.height, self.tile_px, stride, tissue)


@dataclass(frozen=True)
class Result:
    """What was found in an image and at what cost.

    detections: figures at and above `threshold`, candidates below it. tiles_total: tiles that cover the image;
    tiles_run: those of them that hold tissue; both are the number of crops where nuclei are judged. seconds: by stage,
    "tissue", "detection"; "second stage" where a bundle has one; where several bundles were at work, "fusion"; where
    figures were typed, "typing".
    """

    detections: Detections
    threshold: float
    tissue_mm2: float
    tiles_total: int
    tiles_run: int
    seconds: dict[str, float]


def tell(progress: Progress | None, done: int, total: int, area_mm2: float) -> None:
    """Report the tiles or crops done so far, of all of them and of the tissue, to whom it concerns."""
    if progress is not None:
        progress(done, total, area_mm2 * done / total, area_mm2)

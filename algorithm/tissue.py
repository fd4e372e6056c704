"""Where an image holds tissue, block by block, so that glass costs no network."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from algorithm.images.resampled import OVERSHOOT, ResampledImage

BLOCK_PX = 16
STRIP_PX = 8 * BLOCK_PX
STRETCH_PX = 2 * BLOCK_PX
THREADS = 2  # strips looked at side by side; more would hold more pixels

GLASS_MINIMUM = 200  # glass is bright in every channel
GLASS_CHROMA = 15  # and grey: its channels lie no further apart
PADDING_MAXIMUM = 8  # scanners and stitchers pad with black; no stained nucleus is that dark in every channel
TISSUE_PIXELS = 5  # of a block's 256: a speck of compression noise is fewer, the rim of a cell is more


@dataclass(frozen=True, eq=False)
class TissueMap:
    """Blocks that hold tissue: (rows, columns) bool, over a view of width x height px at spacing_um."""

    blocks: NDArray[np.bool_]
    width: int
    height: int
    spacing_um: float

    def any(self, x: int, y: int, width: int, height: int) -> bool:
        """Whether a window of the view, in px, meets a block with tissue."""
        return bool(self._met(x, y, width, height).any())

    def corners(self, x: int, y: int, width: int, height: int) -> NDArray[np.intp]:
        """The upper left corners (N, 2), x then y, px, of the blocks with tissue that such a window meets."""
        rows, columns = np.nonzero(self._met(x, y, width, height))
        return np.stack((columns + x // BLOCK_PX, rows + y // BLOCK_PX), axis=1) * BLOCK_PX

    def _met(self, x: int, y: int, width: int, height: int) -> NDArray[np.bool_]:
        rows = slice(y // BLOCK_PX, -(-(y + height) // BLOCK_PX))
        columns = slice(x // BLOCK_PX, -(-(x + width) // BLOCK_PX))
        return self.blocks[rows, columns]

    @property
    def area_mm2(self) -> float:
        """The area of the blocks with tissue, cut at the border of the view."""
        heights, widths = (
            np.minimum(BLOCK_PX, length - BLOCK_PX * np.arange(count))
            for length, count in zip((self.height, self.width), self.blocks.shape, strict=True)
        )
        return float(heights @ self.blocks @ widths) * (self.spacing_um / 1000) ** 2


def tissue_map(view: ResampledImage) -> TissueMap:
    """Read the view once, strip by strip, and mark the blocks that hold tissue.

    A pixel is tissue unless it is glass (bright and grey) or black padding; a few such pixels make a block tissue,
    so that pale stroma and the rims of cells count. Memory is bounded by the width of two strips.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        strips = list(pool.map(partial(_blocks, view), range(0, view.height, STRIP_PX)))
    return TissueMap(np.concatenate(strips), view.width, view.height, view.spacing_um)


def _blocks(view: ResampledImage, y: int) -> NDArray[np.bool_]:
    """Which blocks of the strip at y hold tissue."""
    height = min(STRIP_PX, view.height - y)
    tissue = np.zeros((height, view.width), bool)
    for left, right in _off_glass(view, y, height):
        tissue[:, left:right] = tissue_pixels(view.read(left, y, right - left, height))
    padded = np.pad(tissue, ((0, -height % BLOCK_PX), (0, -view.width % BLOCK_PX)))
    squares = padded.reshape(padded.shape[0] // BLOCK_PX, BLOCK_PX, -1, BLOCK_PX)
    holds_tissue: NDArray[np.bool_] = squares.sum(axis=(1, 3), dtype=np.uint16) >= TISSUE_PIXELS
    return holds_tissue


def _off_glass(view: ResampledImage, y: int, height: int) -> Iterator[tuple[int, int]]:
    """First and end column of every part of such rows that has to be looked at: the rest is glass before resampling."""
    lowest, highest = (values.astype(np.float64) for values in view.extremes(y, height))
    beyond = OVERSHOOT * (highest - lowest)
    glass = (lowest - beyond >= GLASS_MINIMUM) & (highest - lowest + 2 * beyond <= GLASS_CHROMA)
    starts = np.arange(0, view.width, STRETCH_PX)
    looked_at = ~np.logical_and.reduceat(glass, starts)
    changes = np.flatnonzero(np.diff(looked_at)) + 1
    for first, end in pairwise([0, *changes.tolist(), len(starts)]):
        if looked_at[first]:
            yield first * STRETCH_PX, min(end * STRETCH_PX, view.width)


def tissue_pixels(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which of the pixels (H, W, 3) are neither glass nor black padding."""
    red, green, blue = (np.ascontiguousarray(pixels[..., channel]) for channel in range(3))
    darkest = np.minimum(np.minimum(red, green), blue)
    brightest = np.maximum(np.maximum(red, green), blue)
    glass = (darkest >= GLASS_MINIMUM) & (brightest - darkest <= GLASS_CHROMA)
    return ~glass & (brightest > PADDING_MAXIMUM)


def padding_whitened(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pixels (H, W, 3) with white for black padding, which smoothing would else make the darkest stain of all."""
    padding = (pixels <= PADDING_MAXIMUM).all(axis=-1, keepdims=True)
    return np.where(padding, np.uint8(255), pixels) if padding.any() else pixels

"""Windows spread over a view: a part of it, bounded whatever its size, that stands for the whole."""

from collections.abc import Iterator
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from algorithm.tiles import View
from algorithm.tissue import BLOCK_PX, TissueMap

PARTS, WINDOW_PX = 8, 128


def sampled_windows(view: View, seed: int, tissue: TissueMap | None = None) -> Iterator[NDArray[np.uint8]]:
    """64 windows (H, W, 3) of at most 128 x 128 px, one at random in each 64th of the view.

    All of a view of up to 1,024 x 1,024 px. With a tissue map each lies about a block of tissue, and there is none in a
    64th without any.
    """
    rng = np.random.default_rng(seed)
    for (left, right), (top, bottom) in product(_parts(view.width), _parts(view.height)):
        width, height = min(right - left, WINDOW_PX), min(bottom - top, WINDOW_PX)
        if tissue is None:
            x, y = rng.integers(left, right - width, endpoint=True), rng.integers(top, bottom - height, endpoint=True)
        else:
            corners = tissue.corners(left, top, right - left, bottom - top)
            if not len(corners):
                continue
            middle_x, middle_y = rng.choice(corners) + BLOCK_PX // 2
            x = np.clip(middle_x - width // 2, left, right - width)
            y = np.clip(middle_y - height // 2, top, bottom - height)
        yield view.read(int(x), int(y), width, height)


def _parts(length: int) -> list[tuple[int, int]]:
    """Where the eighths of a side begin and end, px; a side of fewer px has fewer parts."""
    return [
        (start, end) for start, end in pairwise(np.linspace(0, length, PARTS + 1).astype(int).tolist()) if end > start
    ]

"""Windows spread over a view: a part of it, bounded whatever its size, that stands for the whole."""

from collections.abc import Iterator
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np

from algorithm.tissue import BLOCK_PX, TissueMap

PARTS, WINDOW_PX = 8, 128


class Window(NamedTuple):
    """A window of a view, px."""

    x: int
    y: int
    width: int
    height: int


def sampled_windows(width: int, height: int, seed: int, tissue: TissueMap | None = None) -> Iterator[Window]:
    """64 windows of at most 128 x 128 px, one at random in each 64th of a view of width x height px.

    All of a view of up to 1,024 x 1,024 px. With a tissue map each lies about a block of tissue, and there is none in a
    64th without any.
    """
    rng = np.random.default_rng(seed)
    for (left, right), (top, bottom) in product(_parts(width), _parts(height)):
        wide, high = min(right - left, WINDOW_PX), min(bottom - top, WINDOW_PX)
        if tissue is None:
            x, y = rng.integers(left, right - wide, endpoint=True), rng.integers(top, bottom - high, endpoint=True)
        else:
            corners = tissue.corners(left, top, right - left, bottom - top)
            if not len(corners):
                continue
            middle_x, middle_y = rng.choice(corners) + BLOCK_PX // 2
            x = np.clip(middle_x - wide // 2, left, right - wide)
            y = np.clip(middle_y - high // 2, top, bottom - high)
        yield Window(int(x), int(y), wide, high)


def _parts(length: int) -> list[tuple[int, int]]:
    """Where the eighths of a side begin and end, px; a side of fewer px has fewer parts."""
    return [
        (start, end) for start, end in pairwise(np.linspace(0, length, PARTS + 1).astype(int).tolist()) if end > start
    ]

"""Patches: squares about the centres of figures, as a classifier takes them."""

import numpy as np
from numpy.typing import NDArray

from algorithm.images.base import Pixels
from algorithm.images.resampled import ResampledImage


def cut_patch(view: ResampledImage, x: float, y: float, patch_px: int) -> Pixels:
    """The square (patch_px, patch_px, 3) about (x, y), px of the view, pixel centres at whole numbers.

    It begins at the whole pixel nearest to half its side before the point. Beyond the view's border the view is
    mirrored, without repeating the border's own pixels, as often as it takes. Raises InputError for damage.
    """
    columns = _mirrored(_first(x, patch_px), patch_px, view.width)
    rows = _mirrored(_first(y, patch_px), patch_px, view.height)
    left, top = int(columns.min()), int(rows.min())
    window = view.read(left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1)
    return window[np.ix_(rows - top, columns - left)]


def middle_patch(view: ResampledImage, patch_px: int) -> Pixels:
    """The square (patch_px, patch_px, 3) about the middle of the view."""
    return cut_patch(view, (view.width - 1) / 2, (view.height - 1) / 2, patch_px)


def _first(centre: float, side: int) -> int:
    return int(np.floor(centre - (side - 1) / 2 + 0.5))


def _mirrored(first: int, count: int, length: int) -> NDArray[np.intp]:
    """Where along a side of `length` px the pixels first, first + 1, ... are found, (count,)."""
    if length == 1:
        return np.zeros(count, np.intp)
    period = 2 * (length - 1)
    places = np.arange(first, first + count, dtype=np.intp) % period
    return np.minimum(places, period - places)

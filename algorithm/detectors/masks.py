"""Masks of a window of rows: what is too small goes, what remains grows."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)
FOUR_NEIGHBOURS = ndimage.generate_binary_structure(2, 1)
ROUNDING = 1e-6  # a radius of 2.5 um is 10 px at 0.25 um/px, but not always to the last digit


def labelled(
    mask: NDArray[np.bool_], neighbours: NDArray[np.bool_] = EIGHT_NEIGHBOURS
) -> tuple[NDArray[np.int32], int]:
    """The connected components of a mask (H, W): each pixel's number from 1, 0 outside, and how many there are."""
    labels, count = np.zeros(mask.shape, np.int32), 0
    for run in _runs(mask):
        found, more = ndimage.label(mask[:, run], neighbours)
        labels[:, run] = np.where(found > 0, found + count, 0)
        count += more
    return labels, count


def without_small(mask: NDArray[np.bool_], minimum_px: float) -> NDArray[np.bool_]:
    """The mask (H, W) without its 8-connected components of fewer than minimum_px pixels."""
    labels, count = labelled(mask)
    numbers = labels[mask]
    large = np.bincount(numbers, minlength=count + 1) >= minimum_px - ROUNDING
    result = np.zeros_like(mask)
    result[mask] = large[numbers]
    return result


def dilated(mask: NDArray[np.bool_], radius_px: float) -> NDArray[np.bool_]:
    """The pixels no further than radius_px from a pixel of the mask (H, W): a dilation by a disk.

    Component by component, so that the cost is that of the mask and not that of the window.
    """
    reach = int(radius_px + ROUNDING)
    if reach == 0:
        return mask
    result = np.zeros_like(mask)
    for run in _runs(mask):
        labels, _ = ndimage.label(mask[:, run], EIGHT_NEIGHBOURS)
        for rows, columns in ndimage.find_objects(labels):
            around = _widened(rows, reach), _widened(columns, reach, run.start)
            distance = ndimage.distance_transform_edt(~mask[around])
            result[around] |= distance <= radius_px + ROUNDING
    return result


def _runs(mask: NDArray[np.bool_]) -> Iterator[slice]:
    """The columns that hold a pixel of the mask, run by run: no component crosses an empty one."""
    held = np.concatenate(([False], mask.any(axis=0), [False]))
    for start, stop in np.flatnonzero(held[1:] != held[:-1]).reshape(-1, 2).tolist():
        yield slice(start, stop)


def _widened(side: slice, reach: int, origin: int = 0) -> slice:
    return slice(max(0, origin + side.start - reach), origin + side.stop + reach)

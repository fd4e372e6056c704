"""Masks of a window of rows: what is too small goes, what remains grows."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)
ROUNDING = 1e-6  # a radius of 2.5 um is 10 px at 0.25 um/px, but not always to the last digit


def without_small(mask: NDArray[np.bool_], minimum_px: float) -> NDArray[np.bool_]:
    """The mask (H, W) without its 8-connected components of fewer than minimum_px pixels."""
    if not mask.any():
        return mask
    labels, _ = ndimage.label(mask, EIGHT_NEIGHBOURS)
    large = np.bincount(labels.ravel()) >= minimum_px - ROUNDING
    large[0] = False
    return np.asarray(large[labels])


def dilated(mask: NDArray[np.bool_], radius_px: float) -> NDArray[np.bool_]:
    """The pixels no further than radius_px from a pixel of the mask (H, W): a dilation by a disk.

    Component by component, so that the cost is that of the mask and not that of the window.
    """
    reach = int(radius_px + ROUNDING)
    if reach == 0 or not mask.any():
        return mask
    result = np.zeros_like(mask)
    labels, _ = ndimage.label(mask, EIGHT_NEIGHBOURS)
    for rows, columns in ndimage.find_objects(labels):
        around = _widened(rows, reach), _widened(columns, reach)
        distance = ndimage.distance_transform_edt(~mask[around])
        result[around] |= distance <= radius_px + ROUNDING
    return result


def _widened(side: slice, reach: int) -> slice:
    return slice(max(0, side.start - reach), side.stop + reach)

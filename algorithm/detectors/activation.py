"""Where in a crop a network sees what it sees, by its class activation map.

The way of MitDet's code: the map scaled from 0 to 1, brought to the crop's size, what is brighter than 200 of 255.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

BRIGHT = 200 / 255

Floats = NDArray[np.float64]


def place_in_crop(activations: NDArray[np.float32], side_px: int) -> tuple[float, float]:
    """The place (x, y) in a crop, px, of what members see in maps (M, h, w), pixel centres at whole numbers.

    The maps are scaled from their least to their most value, averaged, and scaled again. The place is the middle of the
    upright box around the bright pixels that hang together with the brightest one. Where no map has a maximum it is the
    crop's middle.
    """
    mean = _scaled(_scaled(activations.astype(np.float64)).mean(axis=0))
    if not mean.any():
        middle = (side_px - 1) / 2
        return middle, middle
    rows, columns = (_stretching(size, side_px) for size in mean.shape)
    bright = rows @ mean @ columns.T
    brightest = np.unravel_index(bright.argmax(), bright.shape)
    labels, _ = ndimage.label(bright > min(BRIGHT, bright[brightest] - 1e-9))
    around = np.nonzero(labels == labels[brightest])
    y, x = ((int(places.min()) + int(places.max())) / 2 for places in around)
    return x, y


def _scaled(maps: Floats) -> Floats:
    """Maps (..., h, w) from 0 to 1; all 0 where a map is the same everywhere."""
    least, most = (function(maps, axis=(-2, -1), keepdims=True) for function in (np.min, np.max))
    return np.asarray((maps - least) / np.where(most > least, most - least, 1))


def _stretching(size: int, side_px: int) -> Floats:
    """The weights (side_px, size) that bring a side of `size` values to side_px, linearly between their middles."""
    places = (np.arange(side_px) + 0.5) * size / side_px - 0.5
    return np.stack([np.interp(places, np.arange(size), one) for one in np.eye(size)], axis=1)

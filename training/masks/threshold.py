"""Masks without a network: what is darker in haematoxylin than Otsu's threshold, where it hangs together at the click.

Source: Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on Systems, Man, and
Cybernetics 1979, equation 18.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from algorithm.stain import RUIFROK, concentrations, optical_density
from training.data.regions import Pixels, Region
from training.mask_settings import MaskSettings
from training.masks.clicks import click_in, window_corner
from training.masks.figure import FigureMask, Mask
from training.masks.shapes import settled

BINS = 256


def threshold_masks(region: Region, settings: MaskSettings) -> Iterator[FigureMask]:
    """The mask of each figure of a region, in their order."""
    side = round(settings.window_um / region.spacing_um)
    width, height = min(side, region.width), min(side, region.height)
    for point in region.figures:
        x, y = window_corner(region, click_in(region, point), side)
        amounts = haematoxylin(region.read(x, y, width, height), settings.blur_um / region.spacing_um)
        mask = opened(amounts > otsu(amounts), settings.opening_um / region.spacing_um)
        yield settled(region, point, mask, (x, y), "threshold", settings)


def haematoxylin(pixels: Pixels, sigma_px: float) -> NDArray[np.float64]:
    """How much haematoxylin RGB pixels (height, width, 3) hold, blurred: (height, width)."""
    amounts = concentrations(optical_density(pixels), RUIFROK.vectors)[..., 0]
    return np.asarray(ndimage.gaussian_filter(amounts, sigma_px))


def opened(mask: Mask, radius_px: float) -> Mask:
    """What a disk of this radius reaches without leaving the mask."""
    reach = np.arange(-int(radius_px), int(radius_px) + 1)
    return np.asarray(ndimage.binary_opening(mask, reach[:, None] ** 2 + reach**2 <= radius_px**2))


def otsu(values: NDArray[np.float64]) -> float:
    """The threshold that divides values best in two, of 256 between the least and the most."""
    counts, edges = np.histogram(values, BINS)
    middles = (edges[:-1] + edges[1:]) / 2
    below, above = np.cumsum(counts)[:-1], counts.sum() - np.cumsum(counts)[:-1]
    sums = np.cumsum(counts * middles)
    means_below, means_above = sums[:-1] / np.maximum(below, 1), (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    return float(edges[1:-1][np.argmax(below * above * (means_below - means_above) ** 2)])

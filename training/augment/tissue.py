"""Which pixels of a training tile are tissue, so that their stains may change."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algorithm.tissue import tissue_pixels
from training.augment.colour import LEAST_DENSITY, optical_density

STRETCHED_PERCENTILES = 2.0, 98.0


def tissue(tiles: Tensor, lightest: float | None) -> Tensor:
    """(B, H, W) bool, of RGB tiles (B, 3, H, W) in 0 to 1: what is neither glass nor padding, and dark enough.

    lightest: the CIELAB lightness, as a share of white's, that tissue stays below once the tile's 2nd and 98th
    percentiles, of all channels together, are stretched to black and white, as TIAToolbox has it. None: a pixel must
    absorb a little in the mean of its channels, whatever the tile holds besides.
    """
    pixels = (tiles.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
    found = torch.from_numpy(tissue_pixels(pixels))
    if lightest is None:
        return found & (optical_density(tiles).mean(1) > LEAST_DENSITY)
    return found & torch.from_numpy(np.stack([_lightness(tile) < lightest for tile in pixels]))


def _lightness(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(H, W), 0 to 1: of RGB pixels (H, W, 3) after the stretch, in sRGB with a white of D65."""
    low, high = np.percentile(pixels, STRETCHED_PERCENTILES)
    if low >= high:
        low, high = pixels.min(), pixels.max()
    levels = np.clip((np.arange(256) - low) / max(high - low, 1), 0, 1)
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    luminance = linear.astype(np.float32)[pixels] @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    cube = np.where(luminance > 216 / 24389, np.cbrt(luminance), (24389 / 27 * luminance + 16) / 116)
    return np.asarray(1.16 * cube - 0.16, np.float32)

"""From absorbers to pixels: Beer-Lambert, the blur of the optics, sensor noise and JPEG's coarse colour."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn
from scipy.ndimage import gaussian_filter, uniform_filter

from tests.synthetic.shapes import Array, Generator

# Decimal absorbance (red, green, blue) per unit of each absorber, unit vectors.
HAEMATOXYLIN = np.array([0.60, 0.72, 0.35])
EOSIN = np.array([0.15, 0.87, 0.47])
PIGMENT = np.array([0.48, 0.58, 0.66])
ABSORBERS: Array = np.stack([v / np.linalg.norm(v) for v in (HAEMATOXYLIN, EOSIN, PIGMENT)])
GLASS = np.array([0.018, 0.030, 0.022])

# ITU-R BT.601, as JPEG uses it: luma, blue difference, red difference.
TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])


@dataclass(frozen=True)
class Scanner:
    """How a slide was stained and scanned: gains of the two stains, blur in px, noise in grey levels."""

    haematoxylin: float = 1.0
    eosin: float = 1.0
    blur_px: float = 0.7
    sharpening: float = 0.5
    noise: float = 2.5


def scan(planes: Array, scanner: Scanner, rng: Generator) -> NDArray[np.uint8]:
    """The picture of a slide.

    planes: (3, height, width) amounts of haematoxylin, eosin and pigment. Returns (height, width, 3) uint8 RGB.
    """
    gains = np.array([scanner.haematoxylin, scanner.eosin, 1.0])
    absorbance = np.tensordot(planes, ABSORBERS * gains[:, None], axes=(0, 0)) + GLASS
    light = gaussian_filter(10.0**-absorbance, (scanner.blur_px, scanner.blur_px, 0))
    light = light + scanner.sharpening * (light - gaussian_filter(light, (2.0, 2.0, 0)))
    levels = 255.0 * light + rng.normal(scale=scanner.noise, size=light.shape) * np.sqrt(np.clip(light, 0.1, 1.0))
    return np.rint(np.clip(jpeg_like(levels), 0, 255)).astype(np.uint8)


def jpeg_like(levels: Array, luma_step: float = 4.0) -> Array:
    """What JPEG leaves of a picture (height, width, 3): luma quantised in blocks of 8 px, colour at half resolution."""
    ycc = levels @ TO_YCC.T
    luma = _quantise(ycc[..., 0], luma_step)
    colour = uniform_filter(ycc[..., 1:], (2, 2, 1))[::2, ::2]
    colour = gaussian_filter(np.repeat(np.repeat(colour, 2, axis=0), 2, axis=1), (0.7, 0.7, 0))
    height, width = luma.shape
    smoothed = np.concatenate([luma[..., None], np.round(colour[:height, :width])], axis=-1)
    return np.asarray(smoothed @ np.linalg.inv(TO_YCC).T)


def _quantise(plane: Array, step: float) -> Array:
    """Round the cosine coefficients of 8 px blocks, the fine ones more coarsely."""
    height, width = plane.shape
    padded = np.pad(plane, ((0, -height % 8), (0, -width % 8)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // 8, 8, padded.shape[1] // 8, 8).swapaxes(1, 2)
    steps = step * (1.0 + 0.25 * np.add.outer(np.arange(8), np.arange(8)))
    coefficients = np.round(dctn(blocks, axes=(2, 3), norm="ortho") / steps) * steps
    restored = idctn(coefficients, axes=(2, 3), norm="ortho").swapaxes(1, 2).reshape(padded.shape)
    return np.asarray(restored[:height, :width])

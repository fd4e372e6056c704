"""The lie of the land: where the glass, the lumens, the tumour nests and the stroma are, and what fills them."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.spatial import KDTree

from tests.synthetic.shapes import Array, Generator, fibres, smooth_noise, soft


@dataclass(frozen=True)
class Landscape:
    """Covers (height, width) of 0 to 1 of the empty places and the tumour nests; the fibres' angle in radians."""

    empty: Array
    nest: Array
    angle: Array

    def depth(self, place: str) -> Array:
        """How far, in px, each pixel lies inside the "nest" or the "stroma", 0 outside of it."""
        inside = (self.nest > 0.5) if place == "nest" else (self.nest < 0.5)
        return np.asarray(distance_transform_edt(inside & (self.empty < 0.5)))


def landscape(rng: Generator, size: int, glass_px: int, stroma: float = 0.3) -> Landscape:
    """A square of `size` px with a strip of glass `glass_px` wide at its right; `stroma` is its share of the tissue."""
    hills = smooth_noise(rng, (size, size), 66.0) + 0.12 * smooth_noise(rng, (size, size), 12.0)
    level = np.quantile(hills, stroma)
    steepness = np.hypot(*np.gradient(gaussian_filter(hills, 4.0))).mean()
    nest = soft((level - hills) / steepness, 2.0)
    holes = smooth_noise(rng, (size, size), 24.0)
    lumen = soft((2.35 - holes) * 24.0, 1.5) * (nest > 0.5)
    edge = size - glass_px + 9 * smooth_noise(rng, (size, size), 30.0) + 2.0 * smooth_noise(rng, (size, size), 5.0)
    glass = soft(edge - np.arange(size)[None, :], 1.5) if glass_px else np.zeros((size, size))
    return Landscape(np.maximum(lumen, glass), nest, _fibre_angle(rng, hills, nest))


def _fibre_angle(rng: Generator, hills: Array, nest: Array) -> Array:
    """Fibres wind their way across, and follow the outline of a nest where they are close to one."""
    free = 2 * (rng.uniform(0, np.pi) + 0.5 * smooth_noise(rng, hills.shape, 70.0))
    dy, dx = np.gradient(gaussian_filter(hills, 10.0))
    outline = 2 * np.arctan2(dx, -dy)
    close = np.exp(-distance_transform_edt(nest < 0.5) / 22.0)
    cosine, sine = (gaussian_filter(close * f(outline) + (1 - close) * f(free), 6.0) for f in (np.cos, np.sin))
    return np.asarray(np.arctan2(sine, cosine) / 2 + 0.12 * smooth_noise(rng, hills.shape, 9.0))


def fill(rng: Generator, land: Landscape, cells: Array) -> Array:
    """The slide (3, height, width) before any nucleus: cytoplasm, stroma, vacuoles, glass.

    cells: (N, 2) x, y of the middles of the tumour cells, whose cytoplasm meets half-way.
    """
    shape = land.nest.shape
    cytoplasm, collagen = _cytoplasm(rng, shape, cells), _collagen(rng, shape, land.angle)
    slide = cytoplasm * land.nest + collagen * (1.0 - land.nest)
    slide *= 1.0 + 0.10 * smooth_noise(rng, shape, 90.0)
    slide = np.maximum(slide, 0.0) * (1.0 - _vacuoles(rng, shape) * land.nest) * (1.0 - land.empty)
    return np.asarray(slide)


def _cytoplasm(rng: Generator, shape: tuple[int, int], cells: Array) -> Array:
    """Granular cytoplasm, each cell a shade of its own, with borders between cells, some drawn apart."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    warp_x, warp_y = (4.0 * smooth_noise(rng, shape, 9.0) for _ in range(2))
    distances, owners = KDTree(cells).query(np.stack([x + warp_x, y + warp_y], axis=-1), k=2)
    border = np.exp(-(((distances[..., 1] - distances[..., 0]) / 2.2) ** 2))
    shade = rng.normal(scale=0.14, size=(2, len(cells)))[:, owners[..., 0]]
    shade = gaussian_filter(shade, (0, 1.0, 1.0))
    grain, foam, clouds = (smooth_noise(rng, shape, sigma) for sigma in (0.9, 2.4, 8.0))
    texture = 0.16 * grain + 0.16 * foam + 0.14 * clouds
    haematoxylin = 0.155 * (1 + shade[0] + 1.3 * texture)
    eosin = 0.275 * (1 + shade[1] + texture)
    apart = border * soft(-2.0 * (smooth_noise(rng, shape, 25.0) - 0.9), 0.5)
    joined = border - apart
    planes = np.stack([haematoxylin, eosin + 0.10 * joined, np.zeros(shape)])
    return np.asarray(planes * (1.0 - 0.75 * apart))


def _collagen(rng: Generator, shape: tuple[int, int], angle: Array) -> Array:
    """Fibres of collagen, fine ones in bundles, with pale clefts between bundles."""
    fine, bundles = fibres(rng, angle, 24, 0.9), fibres(rng, angle, 44, 3.0)
    speckle = smooth_noise(rng, shape, 1.1)
    eosin = 0.31 + 0.06 * fine + 0.07 * bundles + 0.02 * speckle
    cleft = soft((bundles + 1.25 + 0.6 * fine + 0.25 * speckle) * 2.5, 1.0) * 0.85
    haematoxylin = 0.06 + 0.015 * fine + 0.02 * smooth_noise(rng, shape, 12.0)
    return np.asarray(np.stack([haematoxylin, eosin, np.zeros(shape)]) * (1.0 - cleft))


def _vacuoles(rng: Generator, shape: tuple[int, int]) -> Array:
    """How empty the small bubbles in the cytoplasm are, (height, width)."""
    bubbles = smooth_noise(rng, shape, 3.4)
    where = smooth_noise(rng, shape, 40.0)
    return 0.8 * soft((2.5 - 0.55 * where - bubbles) * 4.0, 0.8)

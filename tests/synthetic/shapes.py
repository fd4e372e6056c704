"""Shapes and textures that everything drawn is made of: wobbling ellipses, rods, smooth noise, fibres."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom
from scipy.special import expit

Array = NDArray[np.float64]
Generator = np.random.Generator


def soft(distance: Array, width: float = 0.8) -> Array:
    """Cover of a shape from its signed distance in px (negative inside): 1 inside, 0 outside, soft over `width`."""
    cover: Array = expit(-distance / width)
    return cover


def smooth_noise(rng: Generator, shape: tuple[int, int], sigma: float) -> Array:
    """Gaussian noise of mean 0 and standard deviation 1, smooth over `sigma` px; (height, width)."""
    factor = max(1, int(sigma // 3))
    coarse = rng.normal(size=(shape[0] // factor + 8, shape[1] // factor + 8))
    coarse = gaussian_filter(coarse, sigma / factor, mode="wrap")
    noise = zoom(coarse, factor, order=1)[: shape[0], : shape[1]] if factor > 1 else coarse[: shape[0], : shape[1]]
    return np.asarray((noise - noise.mean()) / noise.std())


def grid(radius: int) -> tuple[Array, Array]:
    """x and y of a square of 2 * radius + 1 px whose middle is (0, 0)."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float64)
    return x, y


def ellipse(
    rng: Generator,
    radius: int,
    semi_axes: tuple[float, float],
    angle: float = 0.0,
    wobble: float = 0.08,
    bend: float = 0.0,
) -> Array:
    """Signed distance in px, on `grid(radius)`, to an ellipse with a wobbling outline, bent like a bean if asked."""
    x, y = grid(radius)
    u = (x * np.cos(angle) + y * np.sin(angle)) / semi_axes[0]
    v = (y * np.cos(angle) - x * np.sin(angle)) / semi_axes[1]
    v = v + bend * (u**2 - 0.4)
    rho, theta = np.hypot(u, v), np.arctan2(v, u)
    edge = np.ones_like(rho)
    for order in range(2, 7):
        edge += wobble / order * rng.normal() * np.cos(order * theta + rng.uniform(0, 2 * np.pi))
    slope = np.hypot(u / semi_axes[0], v / semi_axes[1]) / np.maximum(rho, 1e-6)
    distance: Array = (rho - edge) / np.maximum(slope, 1e-3)
    return distance


def rods_cover(radius: int, rods: Array) -> Array:
    """How much chromatin lies in the light's way, 0 to 1, on `grid(radius)`.

    rods: (N, 5) centre x, centre y, angle, half length and radius in px: chromosome arms as short capsules.
    """
    x, y = grid(radius)
    thickness = np.zeros_like(x)
    for centre_x, centre_y, angle, half_length, rod_radius in rods:
        dx, dy = x - centre_x, y - centre_y
        along = dx * np.cos(angle) + dy * np.sin(angle)
        across = dy * np.cos(angle) - dx * np.sin(angle)
        beyond = np.maximum(np.abs(along) - half_length, 0.0)
        thickness += soft(np.hypot(beyond, across) - rod_radius, 0.5)
    cover: Array = 1.0 - np.exp(-1.2 * thickness)
    return cover


def fibres(rng: Generator, angle: Array, length: int, width: float) -> Array:
    """Noise of mean 0 and standard deviation 1 drawn out along `angle` (height, width) over `length` px each way."""
    height, breadth = angle.shape
    noise = smooth_noise(rng, (height, breadth), width)
    total = noise.copy()
    along_x, along_y = np.cos(angle), np.sin(angle)
    for way in (1.0, -1.0):
        y, x = np.mgrid[:height, :breadth].astype(np.float64)
        step_x, step_y = way * along_x, way * along_y
        for _ in range(length // 2):
            x += 2 * step_x
            y += 2 * step_y
            here = (np.rint(y).astype(int) % height, np.rint(x).astype(int) % breadth)
            total += noise[here]
            forward = np.where(step_x * along_x[here] + step_y * along_y[here] < 0, -1.0, 1.0)  # a fibre has no head
            step_x, step_y = forward * along_x[here], forward * along_y[here]
    total = gaussian_filter(total, 0.6)
    return np.asarray((total - total.mean()) / total.std())

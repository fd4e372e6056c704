"""Cells that do not divide: tumour nuclei, spindle nuclei of the stroma, lymphocytes, red cells."""

import numpy as np

from tests.synthetic.shapes import Generator, ellipse, grid, smooth_noise, soft
from tests.synthetic.stamps import Stamp, stamp


def interphase(rng: Generator) -> Stamp:
    """A tumour nucleus: envelope, chromatin clumps, nucleoli; from pale and vesicular to dark."""
    long_axis = rng.uniform(15, 23)
    axes = (long_axis, long_axis * rng.uniform(0.6, 0.95))
    radius = int(long_axis * 1.5) + 4
    distance = ellipse(rng, radius, axes, rng.uniform(0, np.pi), wobble=0.09, bend=rng.normal(scale=0.05))
    darkness = float(np.clip(rng.normal(0.42, 0.12), 0.22, 0.72))
    clumps = smooth_noise(rng, distance.shape, rng.uniform(1.6, 2.4))
    broad = smooth_noise(rng, distance.shape, 5.0)
    chromatin = darkness * (0.8 + 0.45 * np.clip(clumps, -1.0, 2.2) + 0.2 * broad)
    envelope = np.exp(-(((distance + 1.6) / 1.5) ** 2)) * np.clip(0.8 + 0.35 * broad, 0, 2)
    chromatin += 0.05 * smooth_noise(rng, distance.shape, 0.8)
    chromatin += (0.16 + 0.45 * darkness) * envelope
    eosin = np.full(distance.shape, rng.uniform(0.16, 0.26))
    for _ in range(rng.choice(4, p=[0.3, 0.4, 0.2, 0.1])):
        spot = _nucleolus(rng, radius, axes)
        chromatin += 0.45 * spot
        eosin += 0.30 * spot
    piece = stamp(soft(distance, 0.7) * 0.95, chromatin, eosin)
    return piece.defocused(rng.choice([0.4, 0.9, 2.2], p=[0.6, 0.25, 0.15]))


def _nucleolus(rng: Generator, radius: int, axes: tuple[float, float]) -> np.ndarray:
    x, y = grid(radius)
    reach = 0.5 * axes[1]
    return soft(np.hypot(x - rng.uniform(-reach, reach), y - rng.uniform(-reach, reach)) - rng.uniform(2.0, 3.6), 0.7)


def spindle(rng: Generator, angle: float) -> Stamp:
    """A fibroblast's nucleus, long and thin along the fibres."""
    axes = (rng.uniform(13, 24), rng.uniform(3.5, 6.5))
    distance = ellipse(rng, 32, axes, angle + rng.normal(scale=0.15), wobble=0.12, bend=rng.normal(scale=0.25))
    texture = smooth_noise(rng, distance.shape, 2.0)
    chromatin = rng.uniform(0.4, 0.75) * (1 + 0.25 * texture) + 0.15 * np.exp(-(((distance + 1.2) / 1.3) ** 2))
    return stamp(soft(distance), chromatin, 0.2).defocused(rng.choice([0.4, 1.6], p=[0.75, 0.25]))


def lymphocyte(rng: Generator, darkness: float | None = None) -> Stamp:
    """A lymphocyte: small, round, dark, with blocks of chromatin and next to no cytoplasm."""
    size = rng.uniform(8.5, 11.5)
    distance = ellipse(rng, 22, (size, size * rng.uniform(0.8, 1.0)), rng.uniform(0, np.pi), wobble=0.06)
    texture = smooth_noise(rng, distance.shape, 2.2)
    chromatin = (rng.uniform(0.7, 0.95) if darkness is None else darkness) * (1 + 0.25 * texture)
    chromatin += 0.12 * np.exp(-(((distance + 1.3) / 1.2) ** 2))
    body = stamp(soft(distance - rng.uniform(1.5, 3.0)) * 0.7, 0.10, 0.28)
    return stamp(soft(distance, 0.7), chromatin, 0.22).over(body).defocused(rng.choice([0.4, 1.2], p=[0.7, 0.3]))


def red_cell(rng: Generator) -> Stamp:
    """An erythrocyte: no nucleus, even eosin."""
    size = rng.uniform(9, 12)
    distance = ellipse(rng, 18, (size, size * rng.uniform(0.6, 1.0)), rng.uniform(0, np.pi), wobble=0.06)
    return stamp(soft(distance) * 0.9, 0.0, rng.uniform(0.5, 0.65), 0.06)

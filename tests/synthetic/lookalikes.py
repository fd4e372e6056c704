"""What is taken for a mitotic figure and is none."""

from collections.abc import Callable

import numpy as np

from tests.synthetic.nuclei import lymphocyte
from tests.synthetic.shapes import Generator, ellipse, grid, smooth_noise, soft
from tests.synthetic.stamps import Stamp, stamp

RADIUS = 45


def pyknotic(rng: Generator) -> Stamp:
    """A dying cell: one smooth, round, even, dark ball in shrunken, strongly pink cytoplasm, with a cleft around."""
    size = rng.uniform(7, 9.5)
    ball = ellipse(rng, RADIUS, (size, size * rng.uniform(0.9, 1.0)), rng.uniform(0, np.pi), wobble=0.02)
    return stamp(soft(ball, 0.9), rng.uniform(0.95, 1.15), 0.45).over(_shrunken_cell(rng))


def apoptotic(rng: Generator) -> Stamp:
    """A dying cell later on: the nucleus has broken into smooth balls of several sizes."""
    x, y = grid(RADIUS)
    distance = np.full(x.shape, np.inf)
    for size in rng.uniform(2.0, 5.5, rng.integers(3, 6)):
        distance = np.minimum(distance, np.hypot(x - rng.normal(scale=6), y - rng.normal(scale=6)) - size)
    return stamp(soft(distance, 0.8), rng.uniform(0.95, 1.15), 0.45).over(_shrunken_cell(rng))


def _shrunken_cell(rng: Generator) -> Stamp:
    """Cytoplasm drawn together, and the uneven cleft it left."""
    size, turn = rng.uniform(13, 19), rng.uniform(0, np.pi)
    axes = (size, size * rng.uniform(0.65, 0.95))
    distance = ellipse(rng, RADIUS, axes, turn, wobble=0.22)
    body = stamp(soft(distance, 1.2), 0.12, 0.46 + 0.05 * smooth_noise(rng, distance.shape, 2.5))
    cleft = ellipse(rng, RADIUS, (axes[0] + 5, axes[1] + 4), turn, wobble=0.25)
    return body.over(stamp(soft(cleft, 2.0) * rng.uniform(0.5, 0.9), 0.01, 0.05))


def dark_nucleus(rng: Generator) -> Stamp:
    """A squeezed, smudged nucleus: dark and long, its outline smooth."""
    axes = (rng.uniform(17, 23), rng.uniform(5.5, 8))
    distance = ellipse(rng, RADIUS, axes, rng.uniform(0, np.pi), wobble=0.05, bend=rng.normal(scale=0.25))
    chromatin = rng.uniform(0.8, 1.0) * (1 + 0.10 * smooth_noise(rng, distance.shape, 4.0))
    return stamp(soft(distance, 1.1), chromatin, 0.22).over(stamp(soft(distance - 5, 2.5) * 0.6, 0.18, 0.38))


def dark_lymphocyte(rng: Generator) -> Stamp:
    """A lymphocyte darker than its fellows, in a cleft between tumour cells."""
    x, y = grid(22)
    return lymphocyte(rng, darkness=0.95).over(stamp(soft(np.hypot(x, y) - 14, 1.5) * 0.8, 0.0, 0.06))


def debris(rng: Generator) -> Stamp:
    """A grain of pigment on the tissue: brown-black, angular, sharp."""
    distance = ellipse(rng, RADIUS, (rng.uniform(7, 10), rng.uniform(4, 6)), rng.uniform(0, np.pi), wobble=0.35)
    return stamp(soft(distance, 0.4), 0.0, 0.15, 1.5)


LOOK_ALIKES: dict[str, Callable[[Generator], Stamp]] = {
    "pyknotic cell": pyknotic,
    "apoptotic cell": apoptotic,
    "dark nucleus": dark_nucleus,
    "lymphocyte": dark_lymphocyte,
    "pigment": debris,
}

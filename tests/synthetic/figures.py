"""Mitotic figures, normal and atypical: chromosome arms heaped up in a cleared, rounded cell without an envelope."""

from collections.abc import Callable

import numpy as np

from tests.synthetic.shapes import Array, Generator, ellipse, rods_cover, smooth_noise, soft
from tests.synthetic.stamps import Stamp, stamp

RADIUS = 60


def plate(rng: Generator, length: float, thickness: float, bend: float = 0.0) -> Array:
    """Rods (N, 5) of a plate seen from the side, along x; arms stick out of it; `bend` px the ends curve to +y."""
    count = int(length * thickness / 5.5)
    x = (np.linspace(-0.5, 0.5, count) + rng.normal(scale=0.02, size=count)) * (length - 4)
    taper = 1.0 - 0.35 * (2 * x / length) ** 2
    y = rng.uniform(-0.5, 0.5, count) * (thickness - 3.5) * taper + bend * (2 * x / length) ** 2
    angles = np.pi / 2 + rng.normal(scale=0.7, size=count)
    return np.stack([x, y, angles, rng.uniform(1.0, 3.6, count), rng.uniform(1.1, 1.9, count)], axis=1)


def moved(rods: Array, x: float, y: float, angle: float = 0.0) -> Array:
    """Rods turned by `angle` about the middle, then shifted."""
    turned = rods.copy()
    turned[:, 0] = x + rods[:, 0] * np.cos(angle) - rods[:, 1] * np.sin(angle)
    turned[:, 1] = y + rods[:, 0] * np.sin(angle) + rods[:, 1] * np.cos(angle)
    turned[:, 2] += angle
    return turned


def scattered(rng: Generator, count: int, spread: float) -> Array:
    """Single chromosomes strewn about the middle."""
    places = rng.normal(scale=spread, size=(count, 2))
    arms = [rng.uniform(0, np.pi, count), rng.uniform(1.0, 3.0, count), rng.uniform(1.3, 1.9, count)]
    return np.column_stack([places, *arms])


def metaphase(rng: Generator) -> Array:
    """The plate from the side."""
    return plate(rng, rng.uniform(28, 40), rng.uniform(9.5, 13), rng.uniform(0, 3))


def polar_metaphase(rng: Generator) -> Array:
    """The plate from a pole: a ring or rosette of arms that point outward."""
    count, size = 60, rng.uniform(8.5, 11.5)
    theta = np.linspace(0, 2 * np.pi, count) + rng.normal(scale=0.1, size=count)
    distance = size * rng.uniform(0.55, 1.1, count) * (1 + 0.12 * np.cos(2 * theta + rng.uniform(0, 6)))
    arms = [theta + rng.normal(scale=0.4, size=count), rng.uniform(1.5, 3, count), rng.uniform(1.3, 2, count)]
    return np.column_stack([distance * np.cos(theta), distance * np.sin(theta), *arms])


def prometaphase(rng: Generator) -> Array:
    """A ragged clump of condensed chromosomes on the way to the plate."""
    return np.concatenate([plate(rng, rng.uniform(20, 26), 13), scattered(rng, 26, 7.0)])


def anaphase(rng: Generator, gap: float | None = None, share: float = 1.0) -> Array:
    """Two parallel plates moving apart, arms trailing; `share` is the length of one over the other."""
    distance = rng.uniform(15, 22) if gap is None else gap
    length, thickness = rng.uniform(25, 31), rng.uniform(7.5, 9)
    upper = moved(plate(rng, length, thickness, rng.uniform(2, 5)), 0, -distance / 2)
    lower = moved(plate(rng, length * share, thickness, rng.uniform(2, 5)), 0, distance / 2, np.pi)
    return np.concatenate([upper, lower])


def telophase(rng: Generator) -> Array:
    """Two plates at the far ends of a cell that is parting."""
    return np.asarray(anaphase(rng, gap=rng.uniform(34, 42)) * np.array([0.85, 1, 1, 1, 1]))


def tripolar(rng: Generator) -> Array:
    """Atypical: three plates that meet, for three poles."""
    turns = rng.uniform(0, 2 * np.pi) + np.arange(3) * 2 * np.pi / 3 + rng.normal(scale=0.15, size=3)
    arms = [plate(rng, rng.uniform(19, 25), rng.uniform(8, 10.5)) for _ in turns]
    return np.concatenate([moved(a, 9.5 * np.cos(t), 9.5 * np.sin(t), t) for a, t in zip(arms, turns, strict=True)])


def stray_chromosomes(rng: Generator) -> Array:
    """Atypical: a plate, and chromosomes that never joined it."""
    strays = scattered(rng, 7, 3.0) + np.array([0, rng.choice([-14.0, 14.0]), 0, 0, 0])
    return np.concatenate([metaphase(rng), strays, scattered(rng, 5, 12.0)])


def bridge(rng: Generator) -> Array:
    """Atypical: an anaphase whose halves hang together by strands."""
    x = rng.uniform(-7, 7, 3)
    strands = np.column_stack(
        [x, np.zeros(3), np.pi / 2 + rng.normal(scale=0.12, size=3), np.full(3, 11.0), [1.1, 1.5, 1]]
    )
    return np.concatenate([anaphase(rng, gap=24.0), strands])


def asymmetric(rng: Generator) -> Array:
    """Atypical: an anaphase that gives one daughter far less."""
    return anaphase(rng, gap=rng.uniform(19, 24), share=0.5)


NORMAL: dict[str, Callable[[Generator], Array]] = {
    "metaphase": metaphase,
    "polar metaphase": polar_metaphase,
    "prometaphase": prometaphase,
    "anaphase": anaphase,
    "telophase": telophase,
}
ATYPICAL: dict[str, Callable[[Generator], Array]] = {
    "tripolar metaphase": tripolar,
    "stray chromosomes": stray_chromosomes,
    "anaphase bridge": bridge,
    "asymmetric anaphase": asymmetric,
}


def mitotic_figure(rng: Generator, kind: str) -> Stamp:
    """A dividing cell of a kind in NORMAL or ATYPICAL, its chromosomes about the middle of the stamp."""
    turn = rng.uniform(0, 2 * np.pi)
    rods = (NORMAL | ATYPICAL)[kind](rng)
    rods = moved(moved(rods, *-rods[:, :2].mean(axis=0)), 0, 0, turn)
    cover = rods_cover(RADIUS, rods)
    mottle = smooth_noise(rng, cover.shape, 1.6)
    density = rng.uniform(0.8, 1.2) * cover**1.2 * (1 + 0.18 * mottle)
    return stamp(cover, density, 0.30).over(_cell(rng, kind, turn)).defocused(rng.uniform(0.3, 0.7))


def _cell(rng: Generator, kind: str, turn: float) -> Stamp:
    """The rounded cell: paler than its neighbours, finely granular, a thin membrane, at times a cleft around it."""
    size = rng.uniform(28, 35)
    stretched = (size * 1.2, size * 0.85) if kind == "telophase" else (size, size * rng.uniform(0.82, 1.0))
    distance = ellipse(rng, RADIUS, stretched, turn + np.pi / 2, wobble=0.05)
    if kind == "telophase":
        distance = np.maximum(distance, 13 - np.hypot(*_furrows(turn, size, +1)))
        distance = np.maximum(distance, 13 - np.hypot(*_furrows(turn, size, -1)))
    grain = smooth_noise(rng, distance.shape, 0.9)
    clouds = smooth_noise(rng, distance.shape, 6.0)
    membrane = np.exp(-((distance / 1.3) ** 2))
    eosin = rng.uniform(0.13, 0.23) + 0.04 * grain + 0.035 * clouds + 0.10 * membrane
    body = stamp(soft(distance, 2.0), 0.09 + 0.03 * grain + 0.02 * clouds, eosin)
    cleft = stamp(soft(distance - rng.choice([0.0, 3.5], p=[0.55, 0.45]), 1.5) * 0.8, 0.0, 0.05)
    return body.over(cleft)


def _furrows(turn: float, reach: float, side: int) -> tuple[Array, Array]:
    """x and y about the middle of a cleavage furrow, at the end of the cell's equator."""
    y, x = np.mgrid[-RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1].astype(np.float64)
    return x - side * reach * np.cos(turn), y - side * reach * np.sin(turn)

"""Stain separation: which colours the two dyes of a picture have, and how much of each a pixel holds.

After Lambert and Beer a pixel's optical density, -ln(I / 255), is its concentrations (1, 2) times the stain vectors
(2, 3): haematoxylin, then eosin, in R, G, B.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from algorithm.settings import Settings
from algorithm.tissue import tissue_pixels

Floats = NDArray[np.float64]
StainModel = Literal["ruifrok", "macenko", "vahadane"]

# Ruifrok and Johnston, "Quantification of histochemical staining by color deconvolution", Anal Quant Cytol Histol 2001.
HAEMATOXYLIN, EOSIN = (0.65, 0.70, 0.29), (0.07, 0.99, 0.11)

STAINED_DENSITY = 0.15  # Macenko's beta
EXTREME_PERCENTILE = 1.0  # Macenko's alpha
LEAST_SHARE = 0.01  # of the tissue that must show each stain
STANDSTILL = 1e-6


class StainEstimation(Settings):
    """What decides which stain vectors are found.

    pixels: of tissue, drawn at random where there are more. least_tissue: the share of all pixels; where less is
    tissue, and where two vectors are closer than least_degrees, which is one stain and its noise, other vectors are
    taken. sparsity, rounds: Vahadane's lambda, in optical density, and how often amounts and vectors are improved in
    turn, unless they stand still before; the smaller the sparsity, the more rounds that takes.
    """

    pixels: int = Field(20_000, ge=100)
    least_tissue: float = Field(0.01, ge=0, le=1)
    least_degrees: float = Field(5.0, ge=0, lt=90)
    sparsity: float = Field(0.1, gt=0, le=1)
    rounds: int = Field(100, ge=1)


USUAL = StainEstimation()


@dataclass(frozen=True, eq=False)
class StainMatrix:
    """Stain vectors, (2, 3) of length 1: the optical density of haematoxylin, then eosin; and what gave them."""

    vectors: Floats
    method: StainModel


def estimate_stains(
    pixels: NDArray[np.uint8], model: StainModel, seed: int = 0, settings: StainEstimation = USUAL
) -> StainMatrix:
    """The stain vectors of RGB pixels (..., 3), from some of their tissue.

    Where Vahadane's method finds no two stains Macenko's is taken, and where that finds none, or too little is tissue,
    the constants of Ruifrok and Johnston. Haematoxylin is the vector that absorbs more red.
    """
    methods: tuple[StainModel, ...] = ("vahadane", "macenko")
    if model in methods:
        density = _tissue_density(pixels, seed, settings)
        for method in methods[methods.index(model) :]:
            vectors = _found(density, method, settings) if len(density) else None
            if vectors is not None and _angle(vectors) >= settings.least_degrees:
                return StainMatrix(vectors[np.argsort(-vectors[:, 0])], method)
    return RUIFROK


def optical_density(pixels: NDArray[np.uint8]) -> Floats:
    """-ln(I / 255) of RGB pixels (..., 3); black counts as 1."""
    return -np.log(np.maximum(pixels, 1) / 255)


def concentrations(density: Floats, vectors: Floats) -> Floats:
    """How much of each stain, (..., 2), gives the densities (..., 3) with the least squared error; may be negative."""
    return np.asarray(density @ np.linalg.pinv(vectors))


def sparse_concentrations(density: Floats, vectors: Floats, sparsity: float) -> Floats:
    """The amounts c >= 0, (N, 2), with the least |density - c vectors|^2 / 2 + sparsity * sum(c), exactly.

    With two stains the problem has a closed form: both amounts are positive, or the better one is alone.
    """
    overlap = min(float(vectors[0] @ vectors[1]), 1 - 1e-9)
    # No product of matrices: that rounds a pixel by where it stands among the others.
    red, green, blue = (density[:, [channel]] * vectors[:, channel] for channel in range(3))
    alone = red + green + blue - sparsity
    both = (alone - overlap * alone[:, ::-1]) / (1 - overlap**2)
    return np.maximum(np.where(both[:, ::-1] < 0, alone, both), 0)


def stained_pixels(amounts: Floats, vectors: Floats) -> NDArray[np.uint8]:
    """The RGB pixels (..., 3) that amounts of stain (..., 2) give on white."""
    light = 255 * np.exp(-(amounts @ vectors))
    return np.asarray(np.rint(np.clip(light, 0, 255)), np.uint8)


def _tissue_density(pixels: NDArray[np.uint8], seed: int, settings: StainEstimation) -> Floats:
    """(N, 3): of tissue pixels drawn at random; none where too few of the pixels are tissue."""
    tissue = np.flatnonzero(tissue_pixels(pixels))
    if len(tissue) < settings.least_tissue * pixels.size / 3:
        return np.empty((0, 3))
    if len(tissue) > settings.pixels:
        tissue = np.random.default_rng(seed).choice(tissue, settings.pixels, replace=False)
    return optical_density(pixels.reshape(-1, 3)[tissue])


def _found(density: Floats, method: StainModel, settings: StainEstimation) -> Floats | None:
    return _vahadane(density, settings) if method == "vahadane" else _macenko(density)


def _macenko(density: Floats) -> Floats | None:
    """The outermost directions in the plane that holds most of the densities (N, 3).

    Source: Macenko et al., "A method for normalizing histology slides for quantitative analysis", ISBI 2009. The plane
    goes through white, as the paper's singular vectors have it, not through the mean; a pixel counts that absorbs in
    every channel, which keeps the colour noise of pale ones out.
    """
    stained = density[(density > STAINED_DENSITY).all(axis=1)]
    if len(stained) < LEAST_SHARE * len(density):
        return None
    plane = np.linalg.eigh(stained.T @ stained)[1][:, :0:-1]
    plane = plane * np.where(plane[:, :1].sum() < 0, -1, 1)  # the first direction points to darker
    in_plane = stained @ plane
    angles = np.percentile(np.arctan2(in_plane[:, 1], in_plane[:, 0]), [EXTREME_PERCENTILE, 100 - EXTREME_PERCENTILE])
    return _unit_rows(np.maximum(np.stack([np.cos(angles), np.sin(angles)], axis=1) @ plane.T, 0))


def _vahadane(density: Floats, settings: StainEstimation) -> Floats | None:
    """Sparse non-negative factors of the densities (N, 3): amounts and vectors improved in turn, each exactly.

    Source: Vahadane et al., "Structure-preserving color normalization and sparse stain separation for histological
    images", IEEE Transactions on Medical Imaging 2016, equation 4.
    """
    vectors = RUIFROK.vectors.copy()
    for _ in range(settings.rounds):
        before = vectors.copy()
        amounts = sparse_concentrations(density, vectors, settings.sparsity)
        if (amounts > 0).mean(axis=0).min() < LEAST_SHARE:
            return None
        together, weighted = amounts.T @ amounts, amounts.T @ density
        for stain in (0, 1):
            rest = np.maximum(weighted[stain] - together[stain, 1 - stain] * vectors[1 - stain], 0)
            vectors[stain] = rest / max(float(np.linalg.norm(rest)), 1e-12)
        if np.abs(vectors - before).max() < STANDSTILL:
            break
    return vectors


def _unit_rows(rows: Floats) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _angle(vectors: Floats) -> float:
    """Degrees between two vectors of length 1."""
    return float(np.degrees(np.arccos(np.clip(vectors[0] @ vectors[1], -1, 1))))


RUIFROK = StainMatrix(_unit_rows(np.array([HAEMATOXYLIN, EOSIN])), "ruifrok")

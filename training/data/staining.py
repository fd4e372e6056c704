"""How a picture is stained, and the picture as it would look if it were stained as another one.

Source: Macenko et al., "A method for normalizing histology slides for quantitative analysis", ISBI 2009: stain vectors,
and of each stain the amount that 99 % of the tissue is below.
"""

from dataclasses import dataclass

import numpy as np

from algorithm.stain import (
    Floats,
    StainMatrix,
    StainModel,
    concentrations,
    estimate_stains,
    optical_density,
    stained_pixels,
)
from algorithm.tissue import tissue_pixels
from training.data.regions import Pixels

PERCENTILE = 99.0
LEAST_AMOUNT = 0.05
"""A stain that 99 % of the tissue has less of is missing there; it is not made stronger without end."""


@dataclass(frozen=True, eq=False)
class Staining:
    """Stain vectors, and the amounts (2,) that 99 % of the tissue is below."""

    stains: StainMatrix
    amounts: Floats


# Of the authors' published implementation.
TEMPLATE = Staining(
    StainMatrix(np.array([[0.5626, 0.7201, 0.4062], [0.2159, 0.8012, 0.5581]]), "macenko"), np.array([1.9705, 1.0308])
)


def staining_of(pixels: Pixels, model: StainModel, seed: int = 0) -> Staining:
    """Of RGB pixels (..., 3). Without tissue the amounts are the template's."""
    stains = estimate_stains(pixels, model, seed)
    tissue = pixels[tissue_pixels(pixels)]
    if not len(tissue):
        return Staining(stains, TEMPLATE.amounts)
    amounts = np.percentile(concentrations(optical_density(tissue), stains.vectors), PERCENTILE, axis=0)
    return Staining(stains, np.maximum(amounts, LEAST_AMOUNT))


def restained(pixels: Pixels, own: Staining, other: Staining) -> Pixels:
    """Pixels (..., 3) of one staining in another; what is neither of the two stains is dropped."""
    amounts = concentrations(optical_density(pixels), own.stains.vectors)
    return stained_pixels(amounts * (other.amounts / own.amounts), other.stains.vectors)

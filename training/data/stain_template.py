"""Regions as they would look if they had been stained as one template is.

Source: Macenko et al., "A method for normalizing histology slides for quantitative analysis", ISBI 2009. The template
is that of the authors' published implementation: stain vectors, and the amounts that 99 % of the tissue is below.
"""

from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from algorithm.stain import StainMatrix, StainModel, concentrations, estimate_stains, optical_density, stained_pixels
from algorithm.tissue import tissue_pixels
from training.data.regions import Pixels, Region
from training.data.split import Split
from training.data.stains import sampled_pixels
from training.recipe import DetectionRecipe

TEMPLATE = np.array([[0.5626, 0.7201, 0.4062], [0.2159, 0.8012, 0.5581]])
TEMPLATE_AMOUNTS = np.array([1.9705, 1.0308])
PERCENTILE = 99.0
LEAST_AMOUNT = 0.05
"""A stain that 99 % of the tissue has less of is missing there; it is not made stronger without end."""

Change = tuple[StainMatrix, NDArray[np.float64]]
"""The region's own stain vectors, and what each amount is multiplied by, (2,)."""


def split_as_template(split: Split, recipe: DetectionRecipe) -> Split:
    """Its regions as the recipe's `stain_normalisation` wants them."""

    def changed_regions(data_sets: list[list[Region]]) -> list[list[Region]]:
        return [[as_template(region, recipe.stain_normalisation, recipe.seed) for region in each] for each in data_sets]

    training, validation, tested = map(changed_regions, (split.training, split.validation, split.tested))
    return replace(split, training=training, validation=validation, tested=tested)


def as_template(region: Region, model: StainModel | None, seed: int) -> Region:
    """A region whose pixels are changed as they are read; what its own stains are is estimated at the first.

    Itself where the model is None.
    """
    if model is None:
        return region
    change = cache(lambda: change_of(sampled_pixels(region, seed), model, seed))

    def read(x: int, y: int, width: int, height: int) -> Pixels:
        return changed(region.read(x, y, width, height), *change())

    return replace(region, read=read)


def change_of(pixels: Pixels, model: StainModel, seed: int = 0) -> Change:
    """What brings tissue like these pixels (..., 3) to the template."""
    stains = estimate_stains(pixels, model, seed)
    tissue = pixels[tissue_pixels(pixels)]
    if not len(tissue):
        return stains, np.ones(2)
    amounts = np.percentile(concentrations(optical_density(tissue), stains.vectors), PERCENTILE, axis=0)
    return stains, np.asarray(TEMPLATE_AMOUNTS / np.maximum(amounts, LEAST_AMOUNT))


def changed(pixels: Pixels, stains: StainMatrix, gains: NDArray[np.float64]) -> Pixels:
    """Pixels (..., 3) in the template's stains; what is neither of the two is dropped."""
    return stained_pixels(concentrations(optical_density(pixels), stains.vectors) * gains, TEMPLATE)

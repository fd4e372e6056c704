"""Regions as they would look if they had been stained as one template is (training/data/staining.py)."""

from dataclasses import replace
from functools import cache

from algorithm.stain import StainModel
from training.data.regions import Pixels, Region
from training.data.split import Split
from training.data.staining import TEMPLATE, restained, staining_of
from training.data.stains import sampled_pixels
from training.recipe import DetectionRecipe


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
    own = cache(lambda: staining_of(sampled_pixels(region, seed), model, seed))

    def read(x: int, y: int, width: int, height: int) -> Pixels:
        return restained(region.read(x, y, width, height), own(), TEMPLATE)

    return replace(region, read=read)

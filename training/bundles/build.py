"""From a recipe to what its bundles say."""

from training.bundles.base import Bundles
from training.bundles.classification import ClassificationBundles
from training.bundles.segmentation import SegmentationBundles
from training.recipe import AnyRecipe, SegmentationRecipe


def bundles_of(recipe: AnyRecipe) -> Bundles:
    """Those of the recipe's system."""
    return SegmentationBundles(recipe) if isinstance(recipe, SegmentationRecipe) else ClassificationBundles(recipe)

"""From a recipe to what its bundles say."""

from training.bundles.base import Bundles
from training.bundles.boxes import BoxesBundles
from training.bundles.classification import ClassificationBundles
from training.bundles.nuclei import NucleiBundles
from training.bundles.segmentation import SegmentationBundles
from training.recipe import AnyRecipe, BoxesRecipe, ClassificationRecipe, NucleiRecipe


def bundles_of(recipe: AnyRecipe) -> Bundles:
    """Those of the recipe's system."""
    if isinstance(recipe, ClassificationRecipe):
        return ClassificationBundles(recipe)
    if isinstance(recipe, BoxesRecipe):
        return BoxesBundles(recipe)
    if isinstance(recipe, NucleiRecipe):
        return NucleiBundles(recipe)
    return SegmentationBundles(recipe)

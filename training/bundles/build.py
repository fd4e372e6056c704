"""From a recipe to what its bundles say."""

from algorithm.errors import AlgorithmError
from training.bundles.base import Bundles
from training.bundles.boxes import BoxesBundles
from training.bundles.classification import ClassificationBundles
from training.bundles.nuclei import NucleiBundles
from training.bundles.segmentation import SegmentationBundles
from training.recipe import AnyRecipe, BoxesRecipe, ClassificationRecipe, NucleiRecipe, RestainRecipe


def bundles_of(recipe: AnyRecipe) -> Bundles:
    """Those of the recipe's system. Raises AlgorithmError for one that detects and types nothing."""
    if isinstance(recipe, ClassificationRecipe):
        return ClassificationBundles(recipe)
    if isinstance(recipe, BoxesRecipe):
        return BoxesBundles(recipe)
    if isinstance(recipe, NucleiRecipe):
        return NucleiBundles(recipe)
    if isinstance(recipe, RestainRecipe):
        raise AlgorithmError(
            f"{recipe.name} restains crops, and no bundle does.", "Export a run that detects or types."
        )
    return SegmentationBundles(recipe)

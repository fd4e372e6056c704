"""From a recipe to its data and its system."""

from pathlib import Path

import torch

from algorithm.errors import AlgorithmError
from training.data.read import Data, read_data
from training.data.split import Split
from training.data.stain_template import split_as_template
from training.data.typed import read_typed
from training.recipe import AnyRecipe, BoxesRecipe, ClassificationRecipe, NucleiRecipe, RestainRecipe
from training.systems.base import System
from training.systems.boxes import BoxDetection
from training.systems.classification import Classification
from training.systems.nuclei import Nuclei
from training.systems.restaining import Restaining
from training.systems.segmentation import Segmentation


def read_for(
    recipe: AnyRecipe,
    folders: list[Path],
    figure_free: list[Path],
    spacing_um: float | None,
    mined: Path | None = None,
) -> Data:
    """The data sets as the recipe's system takes them; spacing_um is that of images which do not say theirs.

    mined: a file of look-alikes. Raises AlgorithmError for figure-free tissue and look-alikes that the recipe has no
    use for, InputError as the readers do.
    """
    if mined is not None and isinstance(recipe, RestainRecipe):
        raise AlgorithmError(f"{recipe.name} learns colours: look-alikes are of no use.", "Leave them out.")
    if mined is not None and isinstance(recipe, NucleiRecipe) and not recipe.sampling.look_alikes:
        problem = f"{recipe.name} trains on nuclei that it draws itself: mined look-alikes would be of no use."
        raise AlgorithmError(problem, "Add sampling.look_alikes=true, or leave them out.")
    if not isinstance(recipe, ClassificationRecipe):
        return read_data(folders, figure_free, recipe.input.resolution_um_px, spacing_um, mined)
    if figure_free:
        raise AlgorithmError(f"{recipe.name} types figures: tissue without any is of no use.", "Leave it out.")
    if mined is not None:
        raise AlgorithmError(f"{recipe.name} types figures: look-alikes are of no use.", "Leave them out.")
    return read_typed(folders, recipe.input.resolution_um_px, spacing_um)


def build_system(recipe: AnyRecipe, split: Split, device: torch.device) -> System:
    """The system that the recipe names, over a split of the data; that of nuclei to validate with, without crops."""
    if isinstance(recipe, ClassificationRecipe):
        return Classification(recipe, split, device)
    if isinstance(recipe, RestainRecipe):
        return Restaining(recipe, split, device)
    split = split_as_template(split, recipe)
    if isinstance(recipe, BoxesRecipe):
        return BoxDetection(recipe, split, device)
    if isinstance(recipe, NucleiRecipe):
        return Nuclei(recipe, split, device)
    return Segmentation(recipe, split, device)

"""From a recipe to its system."""

import torch

from training.data.split import Split
from training.recipe import Recipe
from training.systems.base import System
from training.systems.segmentation import Segmentation


def build_system(recipe: Recipe, split: Split, device: torch.device) -> System:
    """The system that the recipe names, over a split of the data."""
    return Segmentation(recipe, split, device)

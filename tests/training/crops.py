"""A recipe of nuclei that trains in seconds, and regions in which every dark disk is a nucleus."""

from typing import Any

import numpy as np

from tests.training.drawing import drawn_pixels
from training.data.read import Data
from training.data.regions import Region, in_memory
from training.recipe import NucleiRecipe, recipe_from

PLACES = [(x, y) for y in range(16, 160, 32) for x in range(16, 192, 32)]


def tiny_nuclei_tree(**changes: Any) -> dict[str, Any]:
    """A network of 4,000 parameters on crops of 16 px; `changes` replace whole sections."""
    return {
        "name": "tiny",
        "system": "nuclei",
        "folds": 2,
        "model": {"name": "mitdet", "width": 1, "units": [1, 1, 1, 1], "children": 2, "dropout": 0.1},
        "input": {"patch_px": 16, "resolution_um_px": 0.25, "scale": 1 / 255, "mean": [0.5] * 3, "std": [0.25] * 3},
        "candidates": {"stain_model": "ruifrok"},
        "sampling": {"clusters": 3, "ratio": 2, "parts": 2, "difficulty_epochs": 1, "reach_um": 1.5},
        "augment": {"stain": 0.5, "stain_gain": 0.1},
        "optimiser": {"learning_rate": 5e-3, "batch_size": 6, "epochs": 2, "batches_per_epoch": 2},
        **changes,
    }


def tiny_nuclei_recipe(**changes: Any) -> NucleiRecipe:
    recipe = recipe_from(tiny_nuclei_tree(**changes), "tiny")
    assert isinstance(recipe, NucleiRecipe)
    return recipe


def region_of_nuclei(name: str, seed: int = 0, domain: str = "drawn") -> Region:
    """192 x 160 px with 30 dark disks, of which every sixth is annotated as a figure."""
    figures = [place for number, place in enumerate(PLACES) if number % 6 == seed % 6]
    others = [place for place in PLACES if place not in figures]
    pixels = drawn_pixels(192, 160, [*figures, *others], [], seed)
    return in_memory(name, name, domain, pixels, 0.25, np.array(figures, np.float64))


def data_of_nuclei() -> Data:
    """Four regions of four slides and two domains."""
    regions = [region_of_nuclei(f"slide {number}", number, "ab"[number % 2]) for number in range(4)]
    return Data([regions], [], ["drawn"])

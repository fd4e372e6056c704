"""A recipe that trains generators in a second."""

from typing import Any

from training.recipe import RestainRecipe, recipe_from


def tiny_restain_tree(**changes: Any) -> dict[str, Any]:
    """Networks of some hundred parameters on squares of 24 px; `changes` replace whole sections."""
    return {
        "name": "tiny",
        "system": "restain",
        "folds": 2,
        "model": {"name": "restainer", "width": 2, "levels": 2, "discriminator_width": 2},
        "input": {"patch_px": 24, "resolution_um_px": 0.25},
        "optimiser": {"learning_rate": 5e-3, "batch_size": 4, "epochs": 2, "batches_per_epoch": 2},
        **changes,
    }


def tiny_restain_recipe(**changes: Any) -> RestainRecipe:
    recipe = recipe_from(tiny_restain_tree(**changes), "tiny")
    assert isinstance(recipe, RestainRecipe)
    return recipe

"""Validating a run again with other tiles or another reading of its maps, which needs no training."""

from pathlib import Path
from typing import Any

import torch

from algorithm.errors import AlgorithmError
from training.checkpoints import BEST, load_checkpoint, save_checkpoint
from training.data.read import Data
from training.data.split import split_fold
from training.models.build import build_model
from training.recipe import AnyRecipe, RestainRecipe, recipe_from, with_overrides
from training.systems.base import System
from training.systems.build import build_system


def recipe_of_run(run: Path, overrides: list[str]) -> AnyRecipe:
    """The recipe of a run's best checkpoint with `key=value` overrides.

    Raises AlgorithmError for a run that restains, and for an override that training would have had to know: only what
    the recipe's class calls its READING may differ.
    """
    tree = load_checkpoint(run / BEST)["recipe"]
    trained, recipe = (recipe_from(with_overrides(tree, words), str(run / BEST)) for words in ([], overrides))
    if isinstance(recipe, RestainRecipe):
        raise AlgorithmError(f"{run} restains crops, and finds and types nothing.", "Give it to fit as --generators.")
    if _without_reading(recipe) != _without_reading(trained):
        raise AlgorithmError(
            f"{', '.join(overrides)} changes what {run} was trained with.",
            f"Change {', '.join(recipe.READING)} alone.",
        )
    return recipe


def revalidate(run: Path, recipe: AnyRecipe, data: Data, keep: bool) -> dict[str, float]:
    """The figures on what chooses the epoch and the threshold, and with it on the held-out domain.

    With `keep` the best checkpoint takes over the recipe, the threshold and the figures, and exports with them.
    """
    checkpoint = load_checkpoint(run / BEST)
    system = build_system(recipe, split_fold(data, recipe, checkpoint["fold"]), torch.device("cpu"))
    model = build_model(recipe.model, checkpoint["model"])
    found = system.validate(model)
    found |= system.tested(model, found)
    if keep:
        checkpoint["recipe"] = recipe.model_dump(mode="json")
        checkpoint["best"] |= found
        save_checkpoint(run / BEST, checkpoint)
    return found


def _without_reading(recipe: AnyRecipe) -> dict[str, Any]:
    tree = recipe.model_dump(mode="json")
    for key in recipe.READING:
        *outer, last = key.split(".")
        inner = tree
        for part in outer:
            inner = inner[part]
        del inner[last]
    return tree


def test_best(run: Path, system: System, device: torch.device) -> dict[str, float]:
    """Measure the best checkpoint on what was held out and chose nothing, and write the figures into it."""
    checkpoint = load_checkpoint(run / BEST)
    recipe = recipe_from(checkpoint["recipe"], str(run / BEST))
    found = system.tested(build_model(recipe.model, checkpoint["model"]).to(device), checkpoint["best"])
    checkpoint["best"] |= found
    save_checkpoint(run / BEST, checkpoint)
    return found

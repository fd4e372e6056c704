"""Validating a run again with other tiles or another reading of its maps, which needs no training."""

from pathlib import Path

import torch

from algorithm.errors import AlgorithmError
from training.checkpoints import BEST, load_checkpoint, save_checkpoint
from training.data.read import Data
from training.data.split import searched, split_fold
from training.models.build import build_model
from training.recipe import Recipe, recipe_from, with_overrides
from training.systems.base import System
from training.systems.segmentation import TilePredictor
from training.validation import best_score, metrics, tested_metrics


def recipe_of_run(run: Path, overrides: list[str]) -> Recipe:
    """The recipe of a run's best checkpoint with `key=value` overrides.

    Raises AlgorithmError for an override that training would have had to know: only `input.overlap`, `postprocess` and
    `threshold_cost` may differ.
    """
    tree = load_checkpoint(run / BEST)["recipe"]
    trained, recipe = (recipe_from(with_overrides(tree, words), str(run / BEST)) for words in ([], overrides))
    tiles = recipe.input.model_copy(update={"overlap": trained.input.overlap})
    reading = {"postprocess": trained.postprocess, "threshold_cost": trained.threshold_cost}
    if recipe.model_copy(update={"input": tiles, **reading}) != trained:
        raise AlgorithmError(
            f"{', '.join(overrides)} changes what {run} was trained with.",
            "Change input.overlap, postprocess and threshold_cost alone.",
        )
    return recipe


def revalidate(run: Path, recipe: Recipe, data: Data, keep: bool) -> dict[str, float]:
    """The metrics of the best F1 on the regions that choose the threshold, and with it on the held-out domain.

    With `keep` the best checkpoint takes over the recipe, the threshold and the figures, and exports with them.
    """
    checkpoint = load_checkpoint(run / BEST)
    split = split_fold(data, recipe, checkpoint["fold"])
    predict = TilePredictor(build_model(recipe.model, checkpoint["model"]), recipe.input, torch.device("cpu"))
    found = metrics(best_score(predict, searched(split.validation), recipe))
    found |= tested_metrics(predict, split, recipe, found["threshold"])
    if keep:
        checkpoint["recipe"] = recipe.model_dump(mode="json")
        checkpoint["best"] |= found
        save_checkpoint(run / BEST, checkpoint)
    return found


def test_best(run: Path, system: System, device: torch.device) -> dict[str, float]:
    """Measure the best checkpoint on what was held out and chose nothing, and write the figures into it."""
    checkpoint = load_checkpoint(run / BEST)
    recipe = recipe_from(checkpoint["recipe"], str(run / BEST))
    found = system.tested(build_model(recipe.model, checkpoint["model"]).to(device), checkpoint["best"])
    checkpoint["best"] |= found
    save_checkpoint(run / BEST, checkpoint)
    return found

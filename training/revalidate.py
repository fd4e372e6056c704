"""Validating a run again with other tiles or another reading of its maps, which needs no training."""

from pathlib import Path

import torch

from algorithm.errors import AlgorithmError
from training.checkpoints import BEST, load_checkpoint, save_checkpoint
from training.data.read import Data
from training.fit import split_fold
from training.models.build import build_model
from training.recipe import Recipe, recipe_from, with_overrides
from training.systems.segmentation import TilePredictor
from training.validation import Score, best_score


def recipe_of_run(run: Path, overrides: list[str]) -> Recipe:
    """The recipe of a run's best checkpoint with `key=value` overrides.

    Raises AlgorithmError for an override that training would have had to know: only `input.overlap` and `postprocess`
    may differ.
    """
    trained = load_checkpoint(run / BEST)["recipe"]
    recipe = recipe_from(with_overrides(trained, overrides), str(run / BEST))
    overlap, postprocess = trained["input"]["overlap"], trained["postprocess"]
    changed = recipe.model_dump(mode="json")
    if {**changed, "input": {**changed["input"], "overlap": overlap}, "postprocess": postprocess} != trained:
        raise AlgorithmError(
            f"{', '.join(overrides)} changes what {run} was trained with.",
            "Change input.overlap and postprocess alone.",
        )
    return recipe


def revalidate(run: Path, recipe: Recipe, data: Data, keep: bool) -> Score:
    """The best F1 on the fold that the run did not see, and its threshold.

    With `keep` the best checkpoint takes over the recipe, the threshold and the figures, and exports with them.
    """
    checkpoint = load_checkpoint(run / BEST)
    model = build_model(recipe.model)
    model.load_state_dict(checkpoint["model"])
    held_out = split_fold(data, recipe.folds, checkpoint["fold"]).validation[0]
    score = best_score(TilePredictor(model, recipe.input, torch.device("cpu")), held_out, recipe)
    if keep:
        checkpoint["recipe"] = recipe.model_dump(mode="json")
        checkpoint["best"] |= score.metrics()
        save_checkpoint(run / BEST, checkpoint)
    return score

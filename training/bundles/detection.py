"""What the bundles of all detectors have in common: their members' figures and how their threshold is chosen."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from algorithm.manifest import Member
from training import second_stage
from training.bundles.card import Card
from training.bundles.origin import of_member, provenance
from training.data.read import Data
from training.ensemble import validate_ensemble
from training.recipe import DetectionRecipe
from training.validation import Finder


def entries(
    recipe: DetectionRecipe, checkpoints: Sequence[dict[str, Any]], card: Card, graphs: Sequence[Path]
) -> dict[str, Any]:
    """Of a manifest; its decision threshold is the mean of the members' own. A second stage lies beside the graphs."""
    return {
        "name": card.name,
        "version": card.version,
        "members": tuple(member(graph, checkpoint) for graph, checkpoint in zip(graphs, checkpoints, strict=True)),
        "input": recipe.input,
        "postprocess": recipe.postprocess.model_copy(update={"threshold": _mean_threshold(checkpoints)}),
        "second_stage": None if recipe.second_stage is None else second_stage.entry(graphs[0].parent),
        "provenance": provenance(recipe, checkpoints, card),
        "intended_use": card.intended_use,
    }


def choose_threshold(
    predict: Finder,
    recipe: DetectionRecipe,
    checkpoints: Sequence[dict[str, Any]],
    data: Data,
    manifest: dict[str, Any],
) -> None:
    """On the slides that no run trained on, by the ensemble as a whole; what it finds there goes into the manifest."""
    validation = validate_ensemble(predict, recipe, checkpoints, data)
    manifest["provenance"]["validation"] = validation.model_dump()
    manifest["postprocess"]["threshold"] = validation.threshold


def _mean_threshold(checkpoints: Sequence[dict[str, Any]]) -> float:
    """Of the members' own."""
    return round(float(np.mean([checkpoint["best"]["threshold"] for checkpoint in checkpoints])), 4)


def member(graph: Path, checkpoint: dict[str, Any]) -> Member:
    """What the run held out and how it did there; its checkpoint has figures called tested where that was a domain."""
    best = checkpoint["best"]
    chosen = {key: best[key] for key in ("epoch", "threshold")}
    return Member(
        **of_member(graph, checkpoint),
        validation={**_scores(best, "validation"), **chosen},
        tested=_scores(best, "tested") if "tested_f1" in best else None,
    )


def _scores(best: dict[str, Any], part: str) -> dict[str, float]:
    return {key: best[f"{part}_{key}"] for key in ("f1", "precision", "recall")}

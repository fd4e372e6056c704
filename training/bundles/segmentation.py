"""Bundles of the segmentation system."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from algorithm.bundle import load_bundle
from algorithm.manifest import Member, SegmentationManifest
from algorithm.runtime import Ensemble
from training.bundles.base import Logits
from training.bundles.card import Card
from training.bundles.origin import of_member, provenance
from training.data.read import Data
from training.ensemble import validate_ensemble
from training.recipe import SegmentationRecipe
from training.systems.segmentation import TilePredictor


class SegmentationBundles:
    """What a detector's bundles say of themselves (`training.bundles.base.Bundles`)."""

    def __init__(self, recipe: SegmentationRecipe) -> None:
        self.recipe = recipe
        self.side_px = recipe.input.tile_px
        self.output_names: tuple[str, ...] = ("logits",)

    def exported(self, model: nn.Module) -> nn.Module:
        return model

    def manifest(self, checkpoints: Sequence[dict[str, Any]], card: Card, graphs: Sequence[Path]) -> dict[str, Any]:
        """The decision threshold is the mean of the members' own."""
        manifest = SegmentationManifest(
            name=card.name,
            version=card.version,
            members=tuple(member(graph, checkpoint) for graph, checkpoint in zip(graphs, checkpoints, strict=True)),
            input=self.recipe.input,
            postprocess=self.recipe.postprocess.model_copy(update={"threshold": mean_threshold(checkpoints)}),
            provenance=provenance(self.recipe, card),
            intended_use=card.intended_use,
        )
        return manifest.model_dump(mode="json")

    def logits(self, folder: Path) -> Logits:
        return Ensemble(load_bundle(folder), device="cpu").logits

    def logits_of(self, model: nn.Module) -> Logits:
        return TilePredictor(model, self.recipe.input, torch.device("cpu")).logits

    def validate(
        self, folder: Path, checkpoints: Sequence[dict[str, Any]], data: Data, manifest: dict[str, Any]
    ) -> None:
        """Choose the decision threshold on the slides that no run trained on."""
        predict = Ensemble(load_bundle(folder), device="cpu")
        validation = validate_ensemble(predict, self.recipe, checkpoints, data)
        manifest["provenance"]["validation"] = validation.model_dump()
        manifest["postprocess"]["threshold"] = validation.threshold


def mean_threshold(checkpoints: Sequence[dict[str, Any]]) -> float:
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

"""Bundles of the classification system."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from algorithm.bundle import load_classification_bundle
from algorithm.classification_manifest import ClassificationManifest, ClassificationMember
from algorithm.runtime import Members
from training.bundles.base import Logits
from training.bundles.calibration import calibrate
from training.bundles.card import Card
from training.bundles.origin import of_member, provenance
from training.data.read import Data
from training.predictor import Predictor
from training.recipe import ClassificationRecipe


class ClassificationBundles:
    """What a classifier's bundles say of themselves (`training.bundles.base.Bundles`)."""

    free_step_px: int | None = None

    def __init__(self, recipe: ClassificationRecipe) -> None:
        self.recipe = recipe
        self.size = recipe.size
        self.output_names: tuple[str, ...] = ("logits",)

    def exported(self, model: nn.Module) -> nn.Module:
        return model

    def manifest(self, checkpoints: Sequence[dict[str, Any]], card: Card, graphs: Sequence[Path]) -> dict[str, Any]:
        """Votes are taken as the recipe says."""
        manifest = ClassificationManifest(
            name=card.name,
            version=card.version,
            members=tuple(_member(graph, checkpoint) for graph, checkpoint in zip(graphs, checkpoints, strict=True)),
            input=self.recipe.input,
            postprocess=self.recipe.postprocess,
            provenance=provenance(self.recipe, checkpoints, card),
            intended_use=card.intended_use,
        )
        return manifest.model_dump(mode="json")

    def logits(self, folder: Path) -> Logits:
        return Members(load_classification_bundle(folder), self.size, {self.output_names[0]: (1,)}, device="cpu").logits

    def logits_of(self, model: nn.Module) -> Logits:
        return Predictor(model, self.recipe.input, torch.device("cpu")).logits

    def validate(
        self, folder: Path, checkpoints: Sequence[dict[str, Any]], data: Data, manifest: dict[str, Any]
    ) -> None:
        """Choose temperature and threshold on every slide by the members that were not trained on it."""
        folds = [checkpoint["fold"] for checkpoint in checkpoints]
        chosen, validation = calibrate(self.logits(folder), self.recipe, folds, data)
        manifest["provenance"]["validation"] = validation.model_dump()
        manifest["postprocess"] = chosen.model_dump()


def _member(graph: Path, checkpoint: dict[str, Any]) -> ClassificationMember:
    best = checkpoint["best"]
    chosen = {key: best[key] for key in ("epoch", "threshold")}
    return ClassificationMember(
        **of_member(graph, checkpoint),
        validation={**_scores(best, "validation"), **chosen},
        tested=_scores(best, "tested") if "tested_auroc" in best else None,
    )


def _scores(best: dict[str, Any], part: str) -> dict[str, float]:
    return {key: best[f"{part}_{key}"] for key in ("balanced_accuracy", "sensitivity", "specificity", "auroc")}

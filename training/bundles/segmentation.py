"""Bundles of the segmentation system."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from algorithm.bundle import load_bundle
from algorithm.manifest import SegmentationManifest
from algorithm.runtime import Ensemble
from training.bundles.base import Logits
from training.bundles.card import Card
from training.bundles.detection import choose_threshold, entries
from training.data.read import Data
from training.recipe import SegmentationRecipe
from training.systems.segmentation import TilePredictor


class SegmentationBundles:
    """What a detector's bundles say of themselves (`training.bundles.base.Bundles`)."""

    free_step_px: int | None = None

    def __init__(self, recipe: SegmentationRecipe) -> None:
        self.recipe = recipe
        self.size = recipe.size
        self.output_names: tuple[str, ...] = ("logits",)

    def exported(self, model: nn.Module) -> nn.Module:
        return model

    def manifest(self, checkpoints: Sequence[dict[str, Any]], card: Card, graphs: Sequence[Path]) -> dict[str, Any]:
        """The decision threshold is the mean of the members' own."""
        manifest = SegmentationManifest(**entries(self.recipe, checkpoints, card, graphs))
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
        choose_threshold(predict, self.recipe, checkpoints, data, manifest)

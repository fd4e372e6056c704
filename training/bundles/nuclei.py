"""Bundles of the system of nuclei."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logit
from torch import nn

from algorithm.bundle import load_bundle
from algorithm.nuclei_manifest import NucleiManifest, NucleiOutput
from algorithm.runtime import CropEnsemble, Judged
from training.bundles.base import Logits
from training.bundles.card import Card
from training.bundles.detection import choose_threshold, entries
from training.data.read import Data
from training.models.mitdet import Located, MitDet
from training.predictor import Predictor
from training.recipe import NucleiRecipe

SURE = 0.99
"""Beyond this probability, and below its counterpart, a logit tells more of rounding than of the network."""


class NucleiBundles:
    """What a detector's bundles say of themselves (`training.bundles.base.Bundles`)."""

    free_step_px: int | None = None

    def __init__(self, recipe: NucleiRecipe) -> None:
        self.recipe = recipe
        self.size = recipe.size
        output = NucleiOutput()
        self.output_names: tuple[str, ...] = (output.probability, output.activation)

    def exported(self, model: nn.Module) -> nn.Module:
        assert isinstance(model, MitDet)
        return Located(model).eval()

    def manifest(self, checkpoints: Sequence[dict[str, Any]], card: Card, graphs: Sequence[Path]) -> dict[str, Any]:
        """The decision threshold is the mean of the members' own."""
        manifest = NucleiManifest(**entries(self.recipe, checkpoints, card, graphs), candidates=self.recipe.candidates)
        return manifest.model_dump(mode="json")

    def logits(self, folder: Path) -> Logits:
        """The logits of probabilities from 0.01 to 0.99, and the activations, which are parts of logits."""
        ensemble = CropEnsemble(load_bundle(folder), device="cpu")
        return lambda crops: _together(ensemble(crops))

    def logits_of(self, model: nn.Module) -> Logits:
        predictor = Predictor(model, self.recipe.input, torch.device("cpu"))

        @torch.inference_mode()
        def answers(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
            return _together(Judged(*(answer.numpy()[None] for answer in model(predictor.prepared(crops)))))

        return answers

    def validate(
        self, folder: Path, checkpoints: Sequence[dict[str, Any]], data: Data, manifest: dict[str, Any]
    ) -> None:
        """Choose the decision threshold on the slides that no run trained on."""
        predict = CropEnsemble(load_bundle(folder), device="cpu")
        choose_threshold(predict, self.recipe, checkpoints, data, manifest)


def _together(judged: Judged) -> NDArray[np.float32]:
    """(M, B, 1 + h x w)."""
    of_crops = logit(np.clip(judged.probabilities, 1 - SURE, SURE))[..., None]
    return np.concatenate([of_crops, judged.activations.reshape(*of_crops.shape[:2], -1)], axis=2)

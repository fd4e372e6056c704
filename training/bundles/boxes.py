"""Bundles of the system of boxes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from algorithm.boxes_manifest import BoxesManifest, BoxesOutput
from algorithm.bundle import load_bundle
from algorithm.runtime import BoxEnsemble
from training.bundles.base import Logits
from training.bundles.card import Card
from training.bundles.detection import choose_threshold, entries
from training.data.read import Data
from training.models.boxes import STRIDES
from training.models.rtmdet import Decoded
from training.predictor import Predictor
from training.recipe import BoxesRecipe


class BoxesBundles:
    """What a detector's bundles say of themselves (`training.bundles.base.Bundles`)."""

    def __init__(self, recipe: BoxesRecipe) -> None:
        self.recipe = recipe
        self.size = recipe.size
        # a tile that is no square is of another size when it is turned by a quarter
        self.free_step_px = None if self.size.is_square else recipe.model.tiles_are_multiples_of_px
        self.output_names: tuple[str, ...] = (BoxesOutput().name,)

    def exported(self, model: nn.Module) -> nn.Module:
        return Decoded(model).eval()

    def manifest(self, checkpoints: Sequence[dict[str, Any]], card: Card, graphs: Sequence[Path]) -> dict[str, Any]:
        """The decision threshold is the mean of the members' own."""
        manifest = BoxesManifest(**entries(self.recipe, checkpoints, card, graphs), output=BoxesOutput(strides=STRIDES))
        return manifest.model_dump(mode="json")

    def logits(self, folder: Path) -> Logits:
        """Boxes come along, in shares of the tile's width: a difference of a thousandth is as little as in a logit."""
        answers = BoxEnsemble(load_bundle(folder), device="cpu").answers
        return lambda tiles: self._in_tiles(answers(tiles))

    def logits_of(self, model: nn.Module) -> Logits:
        predictor = Predictor(model, self.recipe.input, torch.device("cpu"))

        @torch.inference_mode()
        def answers(tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
            return self._in_tiles(model(predictor.prepared(tiles)).numpy()[None])

        return answers

    def validate(
        self, folder: Path, checkpoints: Sequence[dict[str, Any]], data: Data, manifest: dict[str, Any]
    ) -> None:
        """Choose the decision threshold on the slides that no run trained on."""
        predict = BoxEnsemble(load_bundle(folder), device="cpu").answers
        choose_threshold(predict, self.recipe, checkpoints, data, manifest)

    def _in_tiles(self, answers: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of answers (M, B, 4 + classes, N), whose boxes are in px."""
        scale = np.ones((answers.shape[2], 1), np.float32)
        scale[:4] = 1 / self.size.width
        return answers * scale

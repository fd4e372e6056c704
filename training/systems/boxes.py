"""The system of boxes: RTMDet's batches, its loss and its way of being validated.

Source: the RTMDet-S entry to MIDOG 2025 ("bag of tricks", arXiv 2508.19804): figures and look-alikes as two classes,
boxes of one size about their centres, sampling on three levels.
"""

import logging
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training import distributed
from training.batches import Batches, validation_batches
from training.data.anchors import AnchorSampler, marked_boxes
from training.data.split import Split, searched
from training.data.stains import RegionStains
from training.models.boxes import flatten_levels, point_priors
from training.models.rtmdet import Decoded
from training.normalise import normalise
from training.parts import in_parts
from training.predictor import Predictor
from training.recipe import BoxesRecipe
from training.systems.base import Batch
from training.systems.detection_loss import detection_loss
from training.validation import best_score, metrics, tested_metrics

log = logging.getLogger(__name__)


class BoxDetection:
    """Tiles of a split about its annotations, and the network's boxes in them (`training.systems.base.System`)."""

    def __init__(self, recipe: BoxesRecipe, split: Split, device: torch.device) -> None:
        self.recipe, self.split, self.device = recipe, split, device
        size = recipe.size
        stains = RegionStains.of(recipe)
        sampler = AnchorSampler(split.training, size, recipe.sampling, stains)
        self.imbalances = sampler.imbalances
        self.made = Batches(recipe, sampler)
        whole = recipe.sampling.model_copy(update={"mosaic": 0.0})
        self.validation_sampler = AnchorSampler(split.validation, size, whole)
        self.validation_regions = searched(split.validation)
        self.priors = point_priors(size.height, size.width, device)

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The process's tiles (n, 3, H, W) in 0 to 1 and the marks (n, 2, H, W) of figures and of look-alikes."""
        for sentence in self.imbalances if epoch == 0 and distributed.rank() == 0 else ():
            log.warning(sentence)
        return self.made.of_epoch(epoch)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Of all that the processes drew, as many tiles as a batch has."""
        settings = self.recipe.optimiser
        tiles, marks = (part.to(self.device) for part in batch)
        answers = in_parts(lambda part: self._answers(model, part), model, tiles, settings.accumulate)
        logits, distances = (distributed.gather(answer, settings.batch_size) for answer in answers)
        return self._loss(logits, distances, distributed.gather(marks, settings.batch_size))

    def validate(self, model: nn.Module) -> dict[str, float]:
        """The loss of the same tiles after every epoch, and the figures at the best threshold."""
        predict = BoxPredictor(model, self.recipe.input, self.device)
        score = best_score(predict, self.validation_regions, self.recipe)
        return {"validation_loss": self._validation_loss(model), **metrics(score)}

    def tested(self, model: nn.Module, best: dict[str, float]) -> dict[str, float]:
        """On the held-out domain, at the threshold that others chose; nothing where folds are by slide."""
        predict = BoxPredictor(model, self.recipe.input, self.device)
        return tested_metrics(predict, self.split, self.recipe, best["threshold"])

    def _answers(self, model: nn.Module, tiles: Tensor) -> Sequence[Tensor]:
        """Of RGB tiles in 0 to 1: logits (B, N, classes) and distances (B, N, 4), float32 whatever computes them."""
        half = self.recipe.optimiser.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            levels = model(normalise(tiles, self.recipe.input))
        return [answer.float() for answer in flatten_levels(levels)]

    def _loss(self, logits: Tensor, distances: Tensor, marks: Tensor) -> Tensor:
        found = [marked_boxes(tile, self.recipe.box_px) for tile in (marks > 0.5).cpu().numpy()]
        truth = [torch.from_numpy(boxes).to(self.device) for boxes, _ in found]
        classes = [torch.from_numpy(of_boxes).to(self.device) for _, of_boxes in found]
        return detection_loss(logits, distances, self.priors, truth, classes, self.recipe.loss)

    @torch.inference_mode()
    def _validation_loss(self, model: nn.Module) -> float:
        """Of the same tiles after every epoch."""
        model.eval()
        losses = []
        for tiles, masks in validation_batches(self.recipe, self.validation_sampler):
            levels = model(normalise(tiles.to(self.device), self.recipe.input))
            losses.append(self._loss(*flatten_levels(levels), masks).item())
        return float(np.mean(losses))


class BoxPredictor(Predictor):
    """As the algorithm's detector of boxes calls it."""

    @torch.inference_mode()
    def __call__(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Tiles (B, H, W, 3) uint8 to boxes and logits (1, B, 4 + classes, N)."""
        answers: NDArray[np.float32] = Decoded(self.model.eval())(self.prepared(tiles)).cpu().numpy()[None]
        return answers

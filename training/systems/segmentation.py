"""The segmentation system: VM-UNet's batches, its losses and its way of being validated.

Source: Percannella et al., "Mitosis detection in domain shift scenarios: a Mamba-based approach" (MIDOG 2025):
Dice (Milletari et al. 2016) plus focal loss (Lin et al. 2017).
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor, nn

from training import distributed
from training.batches import Batches, validation_batches
from training.data.regions import Region
from training.data.sampling import TileSampler
from training.data.split import Split, searched
from training.data.stains import RegionStains, Stains, constants
from training.loss_settings import LossSettings
from training.normalise import normalise
from training.parts import in_parts
from training.predictor import Predictor
from training.recipe import SegmentationRecipe
from training.systems.base import Batch
from training.systems.focal import focal
from training.validation import best_score, metrics, tested_metrics


class Segmentation:
    """Tiles of a split, half of them with a figure, and the network's maps of them (`training.systems.base.System`)."""

    def __init__(self, recipe: SegmentationRecipe, split: Split, device: torch.device) -> None:
        self.recipe, self.split, self.device = recipe, split, device
        self.sampler = training_sampler(recipe, split)
        self.made = Batches(recipe, self.sampler)
        self.validation_sampler = _sampler(recipe, split.validation, constants)
        self.validation_regions = searched(split.validation)

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The process's tiles (n, 3, H, W) in 0 to 1 and masks (n, 1, H, W)."""
        return self.made.of_epoch(epoch)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Of all that the processes drew, as many tiles as a batch has."""
        tiles, masks = self.whole_batch(model, *batch)
        own = tiles[distributed.share(len(tiles))]
        parts = self.recipe.optimiser.accumulate
        (logits,) = in_parts(lambda part: [self._logits(model, part)], model, own, parts)
        return loss(distributed.gather(logits, len(tiles)), masks, self.recipe.loss)

    def validate(self, model: nn.Module) -> dict[str, float]:
        """The loss of the same tiles after every epoch, and the figures at the best threshold."""
        predict = TilePredictor(model, self.recipe.input, self.device)
        score = best_score(predict, self.validation_regions, self.recipe)
        return {"validation_loss": self._validation_loss(model), **metrics(score)}

    def tested(self, model: nn.Module, best: dict[str, float]) -> dict[str, float]:
        """On the held-out domain, at the threshold that others chose; nothing where folds are by slide."""
        predict = TilePredictor(model, self.recipe.input, self.device)
        return tested_metrics(predict, self.split, self.recipe, best["threshold"])

    def whole_batch(self, model: nn.Module, tiles: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """What all processes drew: as many tiles as a batch has, the same in every process.

        Where more were drawn, the positives, and the negatives that the network takes most for figures.
        """
        size = self.recipe.optimiser.batch_size
        drawn = self.sampler.drawn(size)
        tiles, masks = (distributed.gather(part.to(self.device), drawn) for part in (tiles, masks))
        if drawn == size:
            return tiles, masks
        positives = self.sampler.positives(size)
        hardest = self._looks_like_figures(model, tiles[positives:]).topk(size - positives).indices + positives
        kept = torch.cat([torch.arange(positives, device=tiles.device), hardest])
        return tiles[kept], masks[kept]

    @torch.no_grad()
    def _looks_like_figures(self, model: nn.Module, tiles: Tensor) -> Tensor:
        """The largest logit of each tile, (B,); each process looks at its share."""
        settings = self.recipe.optimiser
        at_once = settings.batch_size // (distributed.world_size() * settings.accumulate)
        model.eval()
        own = tiles[distributed.share(len(tiles))].split(at_once)
        largest = torch.cat([self._logits(model, part).amax((1, 2, 3)) for part in own])
        model.train()
        return distributed.gather(largest, len(tiles))

    def _logits(self, model: nn.Module, tiles: Tensor) -> Tensor:
        """Of RGB tiles in 0 to 1, in float32 whatever the network computes in."""
        half = self.recipe.optimiser.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            return model(normalise(tiles, self.recipe.input)).float()

    @torch.inference_mode()
    def _validation_loss(self, model: nn.Module) -> float:
        """Of the same tiles after every epoch."""
        model.eval()
        losses = []
        for tiles, masks in validation_batches(self.recipe, self.validation_sampler):
            logits = model(normalise(tiles.to(self.device), self.recipe.input))
            losses.append(loss(logits, masks.to(self.device), self.recipe.loss).item())
        return float(np.mean(losses))


def training_sampler(recipe: SegmentationRecipe, split: Split) -> TileSampler:
    """Of the tiles to train on."""
    return _sampler(recipe, split.training, RegionStains.of(recipe))


def _sampler(recipe: SegmentationRecipe, data_sets: Sequence[Sequence[Region]], stains: Stains) -> TileSampler:
    radius_px = recipe.masks.disk_radius_um / recipe.input.resolution_um_px
    settings, overlap = recipe.sampling, recipe.input.overlap
    return TileSampler(data_sets, recipe.input.tile_px, radius_px, settings, stains, overlap, recipe.seed)


def with_literal_epoch(recipe: SegmentationRecipe, split: Split) -> SegmentationRecipe:
    """The recipe with as many batches an epoch as its sampling asks for, where that is not for the recipe to say."""
    if recipe.sampling.epoch == "balanced":
        return recipe
    sampler = training_sampler(recipe, split)
    a_batch = max(1, sampler.positives(recipe.optimiser.batch_size))
    batches = math.ceil(len(sampler.figures) / a_batch)
    return recipe.model_copy(update={"optimiser": recipe.optimiser.model_copy(update={"batches_per_epoch": batches})})


def loss(logits: Tensor, masks: Tensor, settings: LossSettings) -> Tensor:
    """Weighted sum of Dice and focal loss of logits and masks, both (B, 1, H, W), in float32."""
    logits = logits.float()
    return settings.dice * dice_loss(logits, masks, settings.dice_smoothing) + settings.focal * focal_loss(
        logits, masks, settings.focal_alpha, settings.focal_gamma
    )


def dice_loss(logits: Tensor, masks: Tensor, smoothing: float = 1.0) -> Tensor:
    """Over the whole batch, since the Dice of one empty mask says nothing (Milletari et al., eq. 1, smoothed)."""
    probabilities = torch.sigmoid(logits)
    overlap = 2 * (probabilities * masks).sum() + smoothing
    return 1 - overlap / (probabilities.square().sum() + masks.square().sum() + smoothing)


def focal_loss(logits: Tensor, masks: Tensor, alpha: float, gamma: float) -> Tensor:
    """Mean over pixels."""
    return focal(logits, masks, alpha, gamma).mean()


class TilePredictor(Predictor):
    """As the algorithm's segmentation detector calls it."""

    def __call__(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Tiles (B, H, W, 3) uint8 to probabilities (1, B, H, W)."""
        return expit(self.logits(tiles))

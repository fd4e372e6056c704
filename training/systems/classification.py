"""The classification system: the type of a mitotic figure, learnt together with its outline and its pixels' class.

Source: the multi-task method of MIDOG 2025's second track: binary cross-entropy weighted by the classes' frequencies,
and the generalised Dice loss of Sudre et al., "Generalised Dice overlap as a deep learning loss function for highly
unbalanced segmentations", DLMIA 2017, for both other tasks.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from algorithm.classifier import decide, member_probabilities
from algorithm.prefetch import ahead
from evaluation.classification import scores
from training import distributed
from training.augment.geometry import window_size
from training.augment.tiles import augmented_tiles
from training.batches import generator_from
from training.data.figures import FigureSampler
from training.data.regions import Region
from training.data.split import Split
from training.data.stains import RegionStains
from training.loss_settings import TaskSettings
from training.models.multitask import Multitask
from training.normalise import normalise
from training.parts import in_parts
from training.predictor import Predictor
from training.recipe import AugmentSettings, ClassificationRecipe
from training.systems.base import Batch

UNCHANGED = AugmentSettings(flips_and_turns=False)
VALIDATION_BATCH = 64
NAMES = {name: name for name in ("balanced_accuracy", "sensitivity", "specificity")} | {"roc_auc": "auroc"}
"""Of the challenge's figures those that a run keeps, and what it calls them."""


class Classification:
    """Patches about the figures of a split, and what the network says of them (`training.systems.base.System`)."""

    def __init__(self, recipe: ClassificationRecipe, split: Split, device: torch.device) -> None:
        self.recipe, self.split, self.device = recipe, split, device
        self.stains = RegionStains.of(recipe)
        self.sampler = self._sampler(split.training)
        self.validation = self._sampler(split.validation)
        self.types = self._types(self.sampler)
        self.class_weights = class_weights(self.types).to(device)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The process's patches (n, 3, P, P) in 0 to 1, masks (n, 2, P, P) of the classes, types (n, 1)."""
        return ahead((self.make(epoch, number) for number in range(self.recipe.optimiser.batches_per_epoch)), 1)

    def make(self, epoch: int, number: int) -> Batch:
        """The process's share of one batch; its random numbers follow from seed, epoch, batch and place alone."""
        recipe = self.recipe
        first = (epoch * recipe.optimiser.batches_per_epoch + number) * recipe.optimiser.batch_size
        made: list[Batch] = []
        for place in distributed.share(recipe.optimiser.batch_size):
            index = self.sampler.drawn(first + place)
            generator = generator_from(np.random.default_rng([recipe.seed, epoch, number, place]))
            window = self.sampler.window(index, window_size(recipe.size, recipe.augment).width)
            patch, masks = augmented_tiles([window], recipe.size, recipe.augment, generator)
            made.append((patch, masks, torch.tensor([[self.types[index]]])))
        return tuple(torch.cat(parts) for parts in zip(*made, strict=True))

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Of all tasks, over all that the processes made."""
        settings = self.recipe.optimiser
        patches, *targets = (part.to(self.device) for part in batch)
        half = settings.precision == "bfloat16"
        logits = in_parts(lambda part: self._logits(model, part, half), model, patches, settings.accumulate)
        logits, targets = (
            [distributed.gather(part, settings.batch_size) for part in parts] for parts in (logits, targets)
        )
        return self._total(logits, targets)[0]

    def validate(self, model: nn.Module) -> dict[str, float]:
        """The loss of all tasks and that of the types alone, and the figures at the recipe's threshold."""
        losses, weights = [], []
        model.eval()
        for patches, *targets in self._unchanged(self.validation):
            with torch.inference_mode():
                total, main = self._total(self._logits(model, patches.to(self.device)), targets)
            losses.append([total.item(), main.item()])
            weights.append(len(patches))
        total, main = np.average(losses, axis=0, weights=weights).tolist()
        found = figures("validation", model, self.validation, self.recipe, self.device)
        threshold = self.recipe.postprocess.threshold
        return {"validation_loss": total, "validation_main_loss": main, **found, "threshold": threshold}

    def tested(self, model: nn.Module, best: dict[str, float]) -> dict[str, float]:
        """On the held-out domain; nothing where folds are by slide."""
        if not self.split.tested:
            return {}
        return figures("tested", model, self._sampler(self.split.tested), self.recipe, self.device)

    def _sampler(self, data_sets: Sequence[Sequence[Region]]) -> FigureSampler:
        radius_px = self.recipe.masks.disk_radius_um / self.recipe.input.resolution_um_px
        return FigureSampler(data_sets, radius_px, self.recipe.seed, self.stains)

    def _types(self, sampler: FigureSampler) -> NDArray[np.float32]:
        """(N,): 0, normal, to 1, atypical, which a figure is between only where the recipe learns from votes."""
        return (sampler.votes if self.recipe.expert_votes else sampler.atypical).astype(np.float32)

    def _unchanged(self, sampler: FigureSampler) -> Iterator[Batch]:
        """All figures in their order as they are, in batches as `batches` makes them."""
        size, generator = self.recipe.size, torch.Generator()
        for start in range(0, len(sampler), VALIDATION_BATCH):
            chosen = range(start, min(start + VALIDATION_BATCH, len(sampler)))
            windows = [sampler.window(index, size.width) for index in chosen]
            patches, masks = augmented_tiles(windows, size, UNCHANGED, generator)
            types = torch.from_numpy(self._types(sampler)[start : start + VALIDATION_BATCH])[:, None]
            yield patches, masks.to(self.device), types.to(self.device)

    def _logits(self, model: nn.Module, patches: Tensor, half: bool = False) -> list[Tensor]:
        """Of RGB patches in 0 to 1, one tensor a task, in float32 whatever the network computes in."""
        assert isinstance(model, Multitask)
        images = normalise(patches, self.recipe.input)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            logits = model.all_tasks(images) if self.recipe.model.decoders else [model(images)]
        return [part.float() for part in logits]

    def _total(self, logits: Sequence[Tensor], targets: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The weighted sum of all losses, and that of the types alone."""
        masks, types = targets
        main = weighted_cross_entropy(logits[0], types, self.class_weights)
        if len(logits) == 1:
            return main, main
        others = task_losses(logits[1], logits[2], masks, self.recipe.tasks)
        return main + others, main


def figures(
    part: str, model: nn.Module, sampler: FigureSampler, recipe: ClassificationRecipe, device: torch.device
) -> dict[str, float]:
    """What a network alone calls figures, by the algorithm's own rules and the challenge's count: `PART_...`."""
    logits = Predictor(model, recipe.input, device).logits
    batches = sampler.patches(recipe.input.patch_px)
    found = [member_probabilities(logits, patches, recipe.postprocess) for patches in batches]
    types = decide(np.concatenate(found), recipe.postprocess)
    counted = scores(sampler.atypical, types.atypical, types.confidences)
    return {f"{part}_{NAMES[name]}": value for name, value in counted.items() if name in NAMES and value is not None}


def class_weights(types: NDArray[np.float32] | NDArray[np.bool_]) -> Tensor:
    """(2,): N / (2 N_c) of normal and of atypical figures (N,), so that both count alike."""
    atypical = types.sum(dtype=np.float64)
    return torch.tensor(len(types) / (2 * np.array([len(types) - atypical, atypical])), dtype=torch.float32)


def weighted_cross_entropy(logits: Tensor, types: Tensor, weights: Tensor) -> Tensor:
    """Mean binary cross-entropy of logits and types (B, 1), 0 to 1, either class of a type with its own weight."""
    return (weights[1] * types * F.softplus(-logits) + weights[0] * (1 - types) * F.softplus(logits)).mean()


def task_losses(segmentation: Tensor, pixel_classes: Tensor, masks: Tensor, settings: TaskSettings) -> Tensor:
    """The weighted sum of both other tasks' losses.

    segmentation: logits (B, 1, H, W); pixel_classes: logits (B, 3, H, W) of background, normal and atypical; masks:
    (B, 2, H, W) of normal and atypical figures.
    """
    figure = masks.amax(dim=1, keepdim=True)
    probability = torch.sigmoid(segmentation)
    outline = generalised_dice(torch.cat([1 - probability, probability], 1), torch.cat([1 - figure, figure], 1))
    classes = generalised_dice(torch.softmax(pixel_classes, 1), torch.cat([1 - figure, masks], 1))
    return settings.segmentation * outline + settings.pixel_classes * classes


def generalised_dice(probabilities: Tensor, targets: Tensor) -> Tensor:
    """The generalised Dice loss (Sudre et al., eq. 3 and 4) over a whole batch, both (B, C, H, W).

    A class is weighted by the inverse square of how many pixels it has. One that the batch lacks has the weight of the
    rarest that it has, where the paper's formula is infinite.
    """
    sizes = targets.sum(dim=(0, 2, 3))
    weights = torch.where(sizes > 0, sizes, torch.inf).pow(-2)
    weights = torch.where(sizes > 0, weights, weights.max())
    overlap = (probabilities * targets).sum(dim=(0, 2, 3))
    together = (probabilities + targets).sum(dim=(0, 2, 3))
    return 1 - 2 * (weights * overlap).sum() / (weights * together).sum()

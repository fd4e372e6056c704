"""The system of nuclei: MitDet's batches of crops, its losses and its way of being validated.

Source: Wang, Lin, Li et al., "Rethinking Mitosis Detection: Towards Diverse Data and Feature Representation". Which
crops it trains on, and in which stages, training/stages.py says.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from algorithm.prefetch import ahead
from algorithm.runtime import Judged
from training import distributed
from training.augment.geometry import window_size
from training.augment.tiles import augmented_tiles
from training.batches import generator_from
from training.data.colour_domains import ColourDomains, Colours
from training.data.crops import Crops, crops_of
from training.data.nuclei import nuclei_of
from training.data.order import EndlessOrder
from training.data.regions import Points, Region
from training.data.sampling import Window
from training.data.split import Split, searched
from training.data.stains import RegionStains
from training.models.mitdet import FIGURE, Answers, Located, MitDet
from training.normalise import normalise
from training.parts import in_parts
from training.predictor import Predictor
from training.recipe import NucleiRecipe
from training.systems.base import Batch
from training.systems.incdp import joint_loss, parent_loss
from training.validation import CROPS_AT_ONCE, best_score, metrics, tested_metrics

VALIDATED = 4096
"""How many crops the loss is measured on after every epoch, at most."""


class Nuclei:
    """Crops about nuclei of a split, and the network's word on them (`training.systems.base.System`).

    crops: to train on, half of a batch figures; none for what is only validated. children: (N,) the crops' child
    classes, for the joint stage. searches: whether validation searches regions too, or knows the loss alone.
    """

    def __init__(
        self,
        recipe: NucleiRecipe,
        split: Split,
        device: torch.device,
        crops: Crops | None = None,
        children: NDArray[np.int64] | None = None,
        searches: bool = True,
    ) -> None:
        self.recipe, self.split, self.device, self.searches = recipe, split, device, searches
        self.stains = RegionStains.of(recipe)
        self.validation_regions = searched(split.validation)
        if crops is not None:
            self.crops = crops
            self.children = np.zeros(len(crops), np.int64) if children is None else children
            self.joint = children is not None
            self.colours = ColourDomains(crops.regions, recipe.sampling, recipe.seed, split.generators)
            self._of_class = [np.flatnonzero(crops.classes == number) for number in range(2)]
            self._orders = [EndlessOrder(len(of), [recipe.seed, number]) for number, of in enumerate(self._of_class)]

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The process's crops (n, 3, P, P) in 0 to 1, their classes, child classes and stain domains, (n,) int64.

        A crop's domain is that whose colours it is shown in.
        """
        return ahead((self.make(epoch, number) for number in range(self.recipe.optimiser.batches_per_epoch)), 1)

    def make(self, epoch: int, number: int) -> Batch:
        """The process's share of one batch; its random numbers follow from seed, epoch, batch and place alone."""
        recipe = self.recipe
        batch = epoch * recipe.optimiser.batches_per_epoch + number
        drawn, shifts, generators, colours = [], [], [], []
        for place in distributed.share(recipe.optimiser.batch_size):
            rng = np.random.default_rng([recipe.seed, epoch, number, place])
            drawn.append(self._drawn(batch, place))
            generators.append(generator_from(rng))
            shifts.append(_point_in_disk(recipe.shift_px, rng))
            colours.append(self.colours.drawn(int(self.crops.region[drawn[-1]]), rng))
        windows = self._windows(drawn, shifts, window_size(recipe.size, recipe.augment).width, colours)
        tiles = [
            augmented_tiles([window], recipe.size, recipe.augment, generator)[0]
            for window, generator in zip(windows, generators, strict=True)
        ]
        classes, children = (torch.from_numpy(of[drawn]) for of in (self.crops.classes, self.children))
        return torch.cat(tiles), classes, children, torch.tensor([domain for domain, _ in colours])

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Of all crops that the processes made; of the parents alone but in the joint stage."""
        assert isinstance(model, MitDet)
        settings = self.recipe.optimiser
        crops, *of_crops, domains = (part.to(self.device) for part in batch)
        answers = in_parts(partial(self._answers, model), model, crops, settings.accumulate, domains)
        whole = Answers(*(distributed.gather(answer, settings.batch_size) for answer in answers))
        classes, children = (distributed.gather(of, settings.batch_size) for of in of_crops)
        if self.joint:
            return joint_loss(whole, classes, children, model, self.recipe.loss)
        return parent_loss(whole, classes, self.recipe.loss)

    def validate(self, model: nn.Module) -> dict[str, float]:
        """The parents' loss on the same crops after every epoch, and the figures at the best threshold."""
        loss = {"validation_loss": self._validation_loss(model)}
        if not self.searches:
            return loss
        return {**loss, **metrics(best_score(self._predictor(model), self.validation_regions, self.recipe))}

    def tested(self, model: nn.Module, best: dict[str, float]) -> dict[str, float]:
        """On the held-out domain, at the threshold that others chose; nothing where folds are by slide."""
        return tested_metrics(self._predictor(model), self.split, self.recipe, best["threshold"])

    def _drawn(self, batch: int, place: int) -> int:
        """Which crop has a place in a batch; the figures come first."""
        size = self.recipe.optimiser.batch_size
        figures = min(max(1, round(size * self.recipe.sampling.positive_fraction)), size - 1)
        is_figure = place < figures
        number = batch * figures + place if is_figure else batch * (size - figures) + place - figures
        return int(self._of_class[is_figure][self._orders[is_figure].drawn(number)])

    def _windows(
        self, drawn: Sequence[int], shifts: Sequence[tuple[float, float]], size: int, colours: Sequence[Colours]
    ) -> list[Window]:
        """About crops or beside them, each in its colours, with the stains of what is stained so."""
        regions = [self.crops.of(index) for index in drawn]
        cut = [self.crops.pixels(index, size, shift) for index, shift in zip(drawn, shifts, strict=True)]
        shown = self.colours.shown(cut, regions, colours)
        nothing, constant = np.zeros((size, size), np.uint8), self.stains.model == "ruifrok"
        return [
            Window(
                pixels,
                nothing,
                bool(self.crops.classes[index]),
                self.stains(region) if constant or other is None else other.stains,
            )
            for index, region, pixels, (_, other) in zip(drawn, regions, shown, colours, strict=True)
        ]

    def _answers(self, model: MitDet, crops: Tensor, domains: Tensor) -> Answers:
        """Of RGB crops in 0 to 1, in float32 whatever the network computes in."""
        half = self.recipe.optimiser.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            answers = model(normalise(crops, self.recipe.input), domains)
        return Answers(*(answer.float() for answer in answers))

    def _predictor(self, model: nn.Module) -> "CropPredictor":
        return CropPredictor(model, self.recipe.input, self.device)

    def _validation_loss(self, model: nn.Module) -> float:
        crops = self.validation_crops
        answers = judged(self._predictor(model), crops, self.recipe.input.patch_px)
        logits = torch.cat([of_batch.parents for of_batch in answers])
        return parent_loss(Answers(logits, logits, logits), torch.from_numpy(crops.classes), self.recipe.loss).item()

    @cached_property
    def validation_crops(self) -> Crops:
        """Figures and as many other nuclei of the validation regions, drawn once."""
        recipe, rng = self.recipe, np.random.default_rng(self.recipe.seed)
        crops = find_crops(recipe, [region for regions in self.split.validation for region in regions])
        figures, others = (np.flatnonzero(crops.classes == number) for number in (FIGURE, 1 - FIGURE))
        kept = min(len(figures), len(others), VALIDATED // 2)
        return crops.taken(np.concatenate([np.sort(rng.permutation(of)[:kept]) for of in (figures, others)]))


class CropPredictor(Predictor):
    """As the algorithm's detector of nuclei calls it."""

    @torch.inference_mode()
    def __call__(self, crops: NDArray[np.uint8]) -> Judged:
        """Crops (B, P, P, 3) uint8 to probabilities (1, B) and activations (1, B, h, w)."""
        model = self.model.eval()
        assert isinstance(model, MitDet)
        probabilities, activations = Located(model)(self.prepared(crops))
        return Judged(probabilities.cpu().numpy()[None], activations.cpu().numpy()[None])

    @torch.inference_mode()
    def answers(self, crops: NDArray[np.uint8]) -> Answers:
        """What training knows of crops (B, P, P, 3), on the CPU."""
        return Answers(*(answer.float().cpu() for answer in self.model.eval()(self.prepared(crops))))


def judged(predictor: CropPredictor, crops: Crops, side_px: int) -> Iterator[Answers]:
    """The network's answers to all crops in their order, as the algorithm would cut them, a batch at a time."""
    for start in range(0, len(crops), CROPS_AT_ONCE):
        numbers = range(start, min(start + CROPS_AT_ONCE, len(crops)))
        yield predictor.answers(np.stack([crops.pixels(number, side_px) for number in numbers]))


def features_of(predictor: CropPredictor, crops: Crops, side_px: int) -> NDArray[np.float32]:
    """(N, C), of all crops in their order."""
    return np.concatenate([answers.features.numpy() for answers in judged(predictor, crops, side_px)])


def find_crops(recipe: NucleiRecipe, regions: list[Region], advance: Callable[[], None] = lambda: None) -> Crops:
    """All crops of some regions, of which none shows another's figure however it is shifted; advance is called after
    each region. Raises InputError as `crops_of`."""

    def find(region: Region) -> Points:
        nuclei = nuclei_of(region, recipe.candidates)
        return np.concatenate((nuclei, region.hard_negatives)) if recipe.sampling.look_alikes else nuclei

    shown_px = recipe.input.patch_px + 2 * math.ceil(recipe.shift_px)
    return crops_of(regions, find, shown_px, recipe.sampling.reach_um, advance)


def _point_in_disk(radius: float, rng: np.random.Generator) -> tuple[float, float]:
    """(x, y), uniform in the disk about (0, 0)."""
    distance, angle = radius * math.sqrt(rng.random()), rng.uniform(0, 2 * math.pi)
    return distance * math.cos(angle), distance * math.sin(angle)

"""The system of networks that restain: squares of one domain's tissue, which are to be told from their grey.

Source: MitDet (Wang, Lin, Li et al.), section 3.3, and RestainNet (arXiv 2202.13804), which learns from pictures alone,
without annotations.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property, partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from algorithm.errors import AlgorithmError
from algorithm.prefetch import ahead
from training import distributed
from training.augment.geometry import window_size
from training.augment.tiles import augmented_tiles
from training.batches import UNCHANGED, generator_from
from training.data.colour_domains import colour_domains
from training.data.sampling import Places, Window
from training.data.split import Split
from training.data.stains import RegionStains
from training.models.restainer import Restainer
from training.parts import in_parts
from training.recipe import AugmentSettings, RestainRecipe
from training.systems.base import Batch
from training.systems.restaining_loss import Answers, colour_loss, restaining_loss

VALIDATED = 64
"""How many squares the loss is measured on after every epoch."""


class Restaining:
    """Squares of the domain's tissue in a split (`training.systems.base.System`).

    Nothing is tested. Raises AlgorithmError where training has nothing of the recipe's domain.
    """

    def __init__(self, recipe: RestainRecipe, split: Split, device: torch.device) -> None:
        self.recipe, self.device = recipe, device
        self.stains = RegionStains.of(recipe)
        known, validating = (
            colour_domains(region for regions in data_sets for region in regions)
            for data_sets in (split.training, split.validation)
        )
        if recipe.domain not in known:
            message = f"Training has no colour domain {recipe.domain}."
            raise AlgorithmError(message, f"Give one of these, or none for all: {'; '.join(known)}.")
        self.regions = known[recipe.domain]
        self.validation_regions = validating.get(recipe.domain, [])
        self._places = Places(self.regions)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The process's squares (n, 3, P, P) in 0 to 1."""
        return ahead((self.make(epoch, number) for number in range(self.recipe.optimiser.batches_per_epoch)), 1)

    def make(self, epoch: int, number: int) -> Batch:
        """The process's share of one batch; its random numbers follow from seed, epoch, batch and place alone."""
        places = distributed.share(self.recipe.optimiser.batch_size)
        seeds = ([self.recipe.seed, epoch, number, place] for place in places)
        return (torch.cat([self._square(self._places, seed, self.recipe.augment) for seed in seeds]),)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Of the generator and its discriminator, of all squares that the processes made."""
        assert isinstance(model, Restainer)
        settings = self.recipe.optimiser
        (pictures,) = (part.to(self.device) for part in batch)
        answers = in_parts(partial(self._answers, model), model, pictures, settings.accumulate)
        whole = Answers(*(distributed.gather(answer, settings.batch_size) for answer in answers))
        return restaining_loss(whole, distributed.gather(pictures, settings.batch_size), self.recipe.loss)

    @torch.inference_mode()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """The loss of the colours on the same squares after every epoch; nothing where none of the domain validate."""
        if not self.validation_regions:
            return {}
        model.eval()
        size = self.recipe.optimiser.batch_size
        losses = [
            colour_loss(model(pictures), pictures, self.recipe.loss).item() * len(pictures)
            for pictures in self._validation_squares.to(self.device).split(size)
        ]
        return {"validation_loss": sum(losses) / VALIDATED}

    def tested(self, model: nn.Module, best: dict[str, float]) -> dict[str, float]:
        """Nothing: there are no figures to find."""
        return {}

    def _square(self, places: Places, seed: Sequence[int], augment: AugmentSettings) -> Tensor:
        """(1, 3, P, P), of tissue as far as some is found."""
        size, rng = self.recipe.size, np.random.default_rng(seed)
        generator, window_px = generator_from(rng), window_size(size, augment).width
        region, pixels = places.tissue(rng, window_px)
        window = Window(pixels, np.zeros((window_px, window_px), np.uint8), False, self.stains(region))
        return augmented_tiles([window], size, augment, generator)[0]

    def _answers(self, model: Restainer, pictures: Tensor) -> Answers:
        """Of RGB squares in 0 to 1, in float32 whatever the networks compute in."""
        half = self.recipe.optimiser.precision == "bfloat16"
        fixed = {name: parameter.detach() for name, parameter in model.discriminator.named_parameters()}
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            restained = model(pictures)
            sought = functional_call(model.discriminator, fixed, (restained,))
            judged = [model.discriminator(of) for of in (pictures, restained.detach())]
        return Answers(*(answer.float() for answer in (restained, sought, *judged)))

    @cached_property
    def _validation_squares(self) -> Tensor:
        places = Places(self.validation_regions)
        seeds = ([self.recipe.seed, number] for number in range(VALIDATED))
        return torch.cat([self._square(places, seed, UNCHANGED) for seed in seeds])

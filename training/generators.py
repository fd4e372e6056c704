"""Generators: trained networks that restain, one for each colour domain, and crops in the colours that they know."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from algorithm.errors import AlgorithmError
from training.checkpoints import BEST, load_checkpoint
from training.data.folds import Fold
from training.digest import digest
from training.distributed import device
from training.models.build import build_model
from training.models.restainer import Restainer
from training.recipe import NucleiRecipe, Recipe, RestainRecipe, recipe_from

TRAIN = "Train them with the same data and fold: python -m training fit restain_small."


@dataclass(frozen=True, eq=False)
class Generator:
    """A finished run of one domain: where it is, what it was trained with, and its network."""

    run: Path
    recipe: RestainRecipe
    fold: Fold
    network: Restainer


class Generators:
    """Of some domains, by their names. record: what a run remembers of them (domain, file, sha256)."""

    def __init__(self, found: Sequence[Generator]) -> None:
        self._of = {str(generator.recipe.domain): generator for generator in found}
        self.record = [
            {"domain": name, "file": f"{of.run.name}/{BEST}", "sha256": digest(of.run / BEST)}
            for name, of in self._of.items()
        ]

    def require(self, domains: Sequence[str]) -> None:
        """Raises AlgorithmError where one of the domains has no generator."""
        missing = [domain for domain in domains if domain not in self._of]
        if missing:
            raise AlgorithmError(f"No generator has the colours of {missing[0]}, but of {'; '.join(self._of)}.", TRAIN)

    def require_same_fold(self, recipe: NucleiRecipe, fold: Fold) -> None:
        """Raises AlgorithmError where one has seen what this fold of a recipe holds out."""
        for generator in self._of.values():
            was, wanted = _held_out(generator.recipe, generator.fold), _held_out(recipe, fold)
            if was != wanted:
                raise AlgorithmError(f"{generator.run} held out {was}, not {wanted} as this run does.", TRAIN)

    @torch.inference_mode()
    def shown(self, pictures: NDArray[np.uint8], domain: str) -> NDArray[np.uint8]:
        """Pictures (B, H, W, 3) of any sizes but tiny ones in the colours of a domain."""
        generator = self._of[domain]
        height, width = pictures.shape[1:3]
        step, own = generator.recipe.model.tiles_are_multiples_of_px, device()
        batch = torch.from_numpy(pictures).to(own).permute(0, 3, 1, 2).float() / 255
        padded = F.pad(batch, [0, -width % step, 0, -height % step], mode="reflect")
        restained = generator.network(padded)[..., :height, :width].permute(0, 2, 3, 1)
        return (restained * 255).round().to(torch.uint8).cpu().numpy()


def read_generators(folder: Path, resolution_um_px: float) -> Generators:
    """Those of all runs in a folder.

    Raises AlgorithmError where there are none, where a run is not of a network that restains or not finished, and for
    another resolution.
    """
    runs = sorted(path.parent for path in folder.glob(f"*/{BEST}"))
    if not runs:
        raise AlgorithmError(f"{folder} holds no runs of generators.", TRAIN)
    found = [read_generator(run) for run in runs]
    for generator in found:
        learnt = generator.recipe.input.resolution_um_px
        if learnt != resolution_um_px:
            fix = f"Train them with input.resolution_um_px={resolution_um_px}."
            raise AlgorithmError(f"{generator.run} has learnt {learnt} um/px, and crops have {resolution_um_px}.", fix)
    return Generators(found)


def read_generator(run: Path) -> Generator:
    """Of a finished run. Raises AlgorithmError for others."""
    checkpoint: dict[str, Any] = load_checkpoint(run / BEST)
    recipe = recipe_from(checkpoint["recipe"], str(run / BEST))
    if not isinstance(recipe, RestainRecipe):
        raise AlgorithmError(
            f"{run} is a run of {recipe.name}, which does not restain.", "Give a folder of runs that do."
        )
    if checkpoint["epoch"] < recipe.optimiser.epochs:
        epochs = f"{checkpoint['epoch']} of {recipe.optimiser.epochs} epochs"
        raise AlgorithmError(
            f"{run} has only {epochs}.", f"Go on with it: python -m training fit {recipe.name} --resume."
        )
    network = build_model(recipe.model, checkpoint["model"]).to(device()).eval()
    assert isinstance(network, Restainer)
    return Generator(run, recipe, checkpoint["fold"], network)


def _held_out(recipe: Recipe, fold: Fold) -> str:
    """What decides which slides no run of the recipe trains on."""
    validated = "" if recipe.folds_by == "slide" else f" and for validation {recipe.validate_on}"
    return f"{fold} of {recipe.folds} folds by {recipe.folds_by}{validated}"

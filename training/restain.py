"""Training a generator for each colour domain of a fold: a run each, in a folder for all of them, with a picture."""

import re
from pathlib import Path

import numpy as np
from PIL import Image as Pictures

from algorithm.errors import AlgorithmError
from training import distributed
from training.checkpoints import LAST
from training.data.colour_domains import colour_domains
from training.data.sampling import Places
from training.data.split import Split
from training.generators import Generators, read_generator
from training.pictures.sheet import ACROSS, Cell, Colour, sheet_of
from training.recipe import RestainRecipe
from training.trainer import Trainer, train

PICTURE = "restained.png"
SHOWN = 3 * ACROSS
OWN: Colour = (0, 210, 90)


def train_generators(recipe: RestainRecipe, split: Split, runs: Path, resume: bool) -> None:
    """That of the recipe's domain, or those of all training domains; resumed, what is left of them.

    Raises AlgorithmError where a domain's folder holds another run, where there is nothing to resume, and for a domain
    that training has not.
    """
    if resume and not runs.exists():
        raise AlgorithmError(f"There is no run {runs}.", "Leave --resume out.")
    domains = colour_domains(region for regions in split.training for region in regions)
    for domain in [recipe.domain] if recipe.domain else domains:
        of_domain = recipe.model_copy(update={"domain": domain})
        run = runs / re.sub(r"\W+", "-", domain)
        train(Trainer(of_domain, split), run, resume and (run / LAST).exists())
        if distributed.rank() == 0:
            contact_sheet(run, split).save(run / PICTURE)


def contact_sheet(run: Path, split: Split) -> Pictures.Image:
    """Squares of all training domains in turn, below each its grey, and below that what the run's generator makes."""
    generator = read_generator(run)
    regions = [region for regions in split.training for region in regions]
    of_domain = {name: Places(of) for name, of in colour_domains(regions).items()}
    rng, names = np.random.default_rng(generator.recipe.seed), sorted(of_domain)
    shown = [names[number % len(names)] for number in range(SHOWN)]
    squares = np.stack([of_domain[name].tissue(rng, generator.recipe.input.patch_px)[1] for name in shown])
    domain = str(generator.recipe.domain)
    restained, cells = Generators([generator]).shown(squares, domain), []
    for start in range(0, SHOWN, ACROSS):
        row = slice(start, start + ACROSS)
        frames = [OWN if name == domain else None for name in shown[row]]
        cells += [Cell(pixels, frame) for pixels, frame in zip(squares[row], frames, strict=True)]
        cells += [Cell(np.asarray(Pictures.fromarray(pixels).convert("L").convert("RGB"))) for pixels in squares[row]]
        cells += [Cell(pixels) for pixels in restained[row]]
    return sheet_of(cells, f"tissue, its grey, and that in the colours of {domain}, whose own tissue has green frames")

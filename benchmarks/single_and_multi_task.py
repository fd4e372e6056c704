"""The comparison of the multi-task paper at a size that two cores train: what do the other tasks add?

    python benchmarks/single_and_multi_task.py --data AMi-Br --runs runs
    torchrun --nproc-per-node 2 benchmarks/single_and_multi_task.py ...    # the same in less time

One task and all three, each trained once for each of AMi-Br's four domains, with that domain tested, the next one, in
the order of their names, choosing the epoch and the rest for training; and five times on MIDOG21's slides alone, by
folds of slides, tested on TUPAC16, whose slides no run of these has seen. Prints the table of balanced accuracy, mean
and standard deviation. A run that was broken off goes on, one that is there is not trained again. Needs
anaphase[cpu,train].
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from training import distributed
from training.checkpoints import BEST, LAST, load_checkpoint
from training.data.ami_br import TUPAC16
from training.data.figures import FigureSampler
from training.data.folds import Fold
from training.data.read import Data
from training.data.typed import read_typed
from training.fit import fit
from training.models.build import build_model
from training.recipe import AnyRecipe, load_recipe, recipe_from
from training.systems.classification import figures

SYSTEMS = {"single task": ["model.decoders=false"], "multi-task": []}
BY_DOMAIN = ["folds_by=domain", "validate_on=domain"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="AMi-Br's folder; its training part is used")
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--recipe", default="multitask_small")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings of the recipe to change")
    options = parser.parse_args()

    data = read_typed([options.data], load_recipe(options.recipe).input.resolution_um_px)
    rows = []
    with distributed.processes():
        for name, changes in SYSTEMS.items():
            words = [*options.overrides, *changes]
            by_domain = _trained(options.recipe, [*words, *BY_DOMAIN], data, options.runs / f"{name} by domain")
            midog21 = _only(data, external=False)
            by_slide = _trained(options.recipe, words, midog21, options.runs / f"{name} MIDOG21")
            rows.append([name, *_columns(by_domain, by_slide, data)])
        if distributed.rank() > 0:
            return
        print(f"{_budget(load_recipe(options.recipe, options.overrides))}\n")
        print("| balanced accuracy | validating domain | tested domain | MIDOG21 to TUPAC16 |\n|---|---|---|---|")
        print("\n".join(f"| {' | '.join(row)} |" for row in rows))


def _budget(recipe: AnyRecipe) -> str:
    """What every run is trained with."""
    settings = recipe.optimiser
    batches = settings.epochs * settings.batches_per_epoch
    most = "at most " if settings.patience else ""
    patches = f"{most}{batches * settings.batch_size:,} patches ({batches:,} batches of {settings.batch_size})"
    return f"{recipe.name}, each run: {patches}, {settings.epochs} epochs, {settings.precision}, seed {recipe.seed}."


def _trained(name: str, words: list[str], data: Data, runs: Path) -> list[Path]:
    """The runs of all folds of a recipe, trained where they are not there."""
    recipe = load_recipe(name, words)
    folds: list[Fold] = list(range(recipe.folds)) if recipe.folds_by == "slide" else sorted(_domains(data))
    found = []
    for fold in folds:
        run = runs / str(fold).replace(" ", "-")
        done = (run / LAST).exists() and load_checkpoint(run / LAST)["epoch"] == recipe.optimiser.epochs
        if not done:
            fit(recipe, data, run, fold, resume=(run / LAST).exists())
        distributed.wait()
        found.append(run)
    return found


def _columns(by_domain: list[Path], by_slide: list[Path], data: Data) -> Iterator[str]:
    best = [load_checkpoint(run / BEST)["best"] for run in by_domain]
    for part in ("validation", "tested"):
        yield _spread([found[f"{part}_balanced_accuracy"] for found in best])
    yield _spread([_external(run, data) for run in by_slide])


def _external(run: Path, data: Data) -> float:
    """On TUPAC16's figures."""
    checkpoint = load_checkpoint(run / BEST)
    recipe = recipe_from(checkpoint["recipe"], str(run / BEST))
    model = build_model(recipe.model, checkpoint["model"])
    sampler = FigureSampler(_only(data, external=True).annotated)
    return figures("external", model, sampler, recipe, distributed.device())["external_balanced_accuracy"]


def _only(data: Data, external: bool) -> Data:
    """TUPAC16's patches, or all but them."""
    kept = [[region for region in regions if (region.domain == TUPAC16) == external] for regions in data.annotated]
    cases = [case for case in data.cases if (case.domain == TUPAC16) == external]
    return replace(data, annotated=kept, cases=cases)


def _domains(data: Data) -> set[str]:
    return {region.domain for regions in data.annotated for region in regions}


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ({np.std(values, ddof=1):.3f})"


if __name__ == "__main__":
    main()

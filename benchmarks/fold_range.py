"""How far apart the folds of a detector's recipe lie: F1 on the slides that each of them holds out.

    python benchmarks/fold_range.py rtmdet_small --data regions-train --figure-free tissue --runs runs [key=value ...]
    torchrun --nproc-per-node 2 benchmarks/fold_range.py ...    # the same in less time

Folds are groups of whole slides of about as many figures of each domain. Every fold is trained once, and each network
that the recipe keeps of a run is a row. The epoch is the one that the recipe keeps, the threshold that of the best F1
on the slides held out, so the figures are those that validation shows and no measure on new slides. A run that was
broken off goes on, one that is there is not trained again. Needs anaphase[cpu,train].
"""

import argparse
from pathlib import Path

import numpy as np

from training import distributed
from training.checkpoints import BEST, LAST, load_checkpoint
from training.data.read import read_data
from training.fit import fit
from training.kept import folders
from training.recipe import DetectionRecipe, load_recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", help="name or file")
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--figure-free", type=Path, nargs="+", default=[])
    parser.add_argument("--mined", type=Path, help="look-alikes that `python -m training mine` found")
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings of the recipe to change")
    options = parser.parse_intermixed_args()

    recipe = load_recipe(options.recipe, [*options.overrides, "folds_by=slide"])
    if not isinstance(recipe, DetectionRecipe):
        parser.error(f"{recipe.name} detects nothing")
    data = read_data(options.data, options.figure_free, recipe.input.resolution_um_px, mined=options.mined)
    runs = [options.runs / f"{recipe.name}-fold{fold}-seed{recipe.seed}" for fold in range(recipe.folds)]
    with distributed.processes():
        for fold, run in enumerate(runs):
            fit(recipe, data, run, fold, resume=(run / LAST).exists())
        if distributed.rank() > 0:
            return
        print(table(recipe, runs))


def table(recipe: DetectionRecipe, runs: list[Path]) -> str:
    """The budget of a run, and F1 by network and fold."""
    settings = recipe.optimiser
    batches = settings.epochs * settings.batches_per_epoch
    columns = [*(f"fold {fold}" for fold in range(len(runs))), "mean (standard deviation)"]
    lines = [
        f"{recipe.name}, each run: {'at most ' if settings.patience else ''}{batches * settings.batch_size:,} tiles "
        f"({batches:,} batches of {settings.batch_size}), seed {recipe.seed}.",
        "",
        f"| F1 | {' | '.join(columns)} |",
        f"|---|{'---|' * len(columns)}",
    ]
    for name in folders(settings):
        found = [load_checkpoint(run / name / BEST)["best"]["validation_f1"] for run in runs]
        cells = [*(f"{f1:.3f}" for f1 in found), f"{np.mean(found):.3f} ({np.std(found, ddof=1):.3f})"]
        lines.append(f"| {name or 'network'} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

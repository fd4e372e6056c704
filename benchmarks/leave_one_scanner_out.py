"""The comparison of VM-UNet's paper at a size that two cores train: what does a network make of a scanner it never saw?

    python benchmarks/leave_one_scanner_out.py --data regions-train --figure-free tissue --runs runs
    torchrun --nproc-per-node 2 benchmarks/leave_one_scanner_out.py ...    # the same in less time

U-Net, VM-UNet and VM-UNet with the paper's stain augmentation, each trained once for each seed and each scanner that
MIDOG++'s table of scanners (datasets_xvalidation.csv in the folder of the data) names, with that scanner held out;
cases of no named scanner are only ever trained on. All runs see as many tiles. Prints the table of F1 on the held-out
scanners, seed by seed; the standard deviations are that over scanners, of the means over seeds, and that over seeds. A
run that was broken off goes on, one that is there is not trained again.
"""

import argparse
from itertools import chain, product
from pathlib import Path

import numpy as np
from held_out import FOLDS_BY, folder_name, held_out, scanner_domains, tested
from numpy.typing import NDArray

from training import distributed
from training.checkpoints import LAST
from training.data.read import Data, read_data
from training.fit import fit
from training.recipe import Recipe, load_recipe

EPOCHS, BATCHES_PER_EPOCH, SEEDS = 5, 200, (0, 1)
PUBLISHED = load_recipe("vm_unet").augment.model_dump(mode="json")
STAIN = [f"augment.{key}={value}" for key, value in PUBLISHED.items() if key.startswith("stain")]
NO_STAIN = [*STAIN, "augment.stain=0"]  # nor the small recipes' own changes of stain, of negatives either
SYSTEMS = {
    "U-Net": ("unet_small", NO_STAIN),
    "VM-UNet": ("vm_unet_small", NO_STAIN),
    "VM-UNet, stain augmentation": ("vm_unet_small", STAIN),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--figure-free", type=Path, nargs="+", default=[])
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--batches-per-epoch", type=int, default=BATCHES_PER_EPOCH)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    options = parser.parse_args()

    recipes = {name: [_recipe(*system, seed, options) for seed in options.seeds] for name, system in SYSTEMS.items()}
    some = next(iter(recipes.values()))[0]
    data = read_data([options.data], options.figure_free, some.input.resolution_um_px)
    domains = scanner_domains(data)
    with distributed.processes():
        for recipe, domain in product(chain.from_iterable(recipes.values()), domains.values()):
            run = _run(recipe, options.runs, domain)
            if tested(run, recipe) is None:
                fit(recipe, data, run, domain, resume=(run / LAST).exists())
        if distributed.rank() > 0:
            return
        columns = ("F1", *domains, "mean (over scanners)", "over seeds")
        print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
        for name, of_seeds in recipes.items():
            runs = [[_run(recipe, options.runs, domain) for domain in domains.values()] for recipe in of_seeds]
            found = [
                [tested(run, recipe)["tested_f1"] for run in row] for recipe, row in zip(of_seeds, runs, strict=True)
            ]
            print(f"| {name} | {_cells(np.array(found))} |")
        print(f"\n{_legend(some, options.seeds, data, domains)}")


def _cells(found: NDArray[np.float64]) -> str:
    """Of F1 (seeds, scanners): a cell for each scanner, the mean, the standard deviations."""
    cells = [" ".join(f"{f1:.3f}" for f1 in of_scanner) for of_scanner in found.T]
    over_seeds = f"{np.sqrt(found.var(axis=0, ddof=1).mean()):.3f}" if len(found) > 1 else ""
    return " | ".join([*cells, f"{found.mean():.3f} ({found.mean(axis=0).std(ddof=1):.3f})", over_seeds])


def _recipe(name: str, changes: list[str], seed: int, options: argparse.Namespace) -> Recipe:
    length = [f"optimiser.epochs={options.epochs}", f"optimiser.batches_per_epoch={options.batches_per_epoch}"]
    return load_recipe(name, [FOLDS_BY, f"seed={seed}", *length, *changes])


def _run(recipe: Recipe, runs: Path, domain: str) -> Path:
    return runs / folder_name(recipe, "-stain" if recipe.augment.stain else "", domain)


def _legend(recipe: Recipe, seeds: list[int], data: Data, domains: dict[str, str]) -> str:
    optimiser = recipe.optimiser
    batches = optimiser.epochs * optimiser.batches_per_epoch
    return (
        f"Every number: one run of {batches * optimiser.batch_size:,} tiles ({batches:,} batches of "
        f"{optimiser.batch_size}), seeds {', '.join(map(str, seeds))}; epoch and threshold chosen on a fifth of the "
        f"other slides. {held_out(data, recipe, domains)}"
    )


if __name__ == "__main__":
    main()

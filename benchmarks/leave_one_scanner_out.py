"""The comparison of VM-UNet's paper at a size that two cores train: what does a network make of a scanner it never saw?

    python benchmarks/leave_one_scanner_out.py --data regions-train --figure-free tissue --runs runs
    torchrun --nproc-per-node 2 benchmarks/leave_one_scanner_out.py ...    # the same in less time

U-Net, VM-UNet and VM-UNet with the paper's stain augmentation, each trained once for each scanner that MIDOG++'s table
of scanners (datasets_xvalidation.csv in the folder of the data) names, with that scanner held out; cases of no named
scanner are only ever trained on. All runs see as many tiles. Prints the table of F1 on the held-out scanners. A run
that was broken off goes on, one that is there is not trained again.
"""

import argparse
from pathlib import Path

import numpy as np
from held_out import FOLDS_BY, folder_name, held_out, scanner_domains, tested

from training import distributed
from training.checkpoints import LAST
from training.data.read import Data, read_data
from training.fit import fit
from training.recipe import Recipe, load_recipe

EPOCHS, BATCHES_PER_EPOCH = 5, 200
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
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    recipes = {name: _recipe(*system, options) for name, system in SYSTEMS.items()}
    some = next(iter(recipes.values()))
    data = read_data([options.data], options.figure_free, some.input.resolution_um_px)
    domains = scanner_domains(data)
    runs = {
        name: [(_run(recipe, options.runs, domain), domain) for domain in domains.values()]
        for name, recipe in recipes.items()
    }
    with distributed.processes():
        for name, recipe in recipes.items():
            for run, domain in runs[name]:
                if tested(run, recipe) is None:
                    fit(recipe, data, run, domain, resume=(run / LAST).exists())
        if distributed.rank() > 0:
            return
    print(f"| F1 | {' | '.join(domains)} | mean (standard deviation) |\n|---|{'---|' * (len(domains) + 1)}")
    for name, recipe in recipes.items():
        found = [tested(run, recipe)["tested_f1"] for run, _ in runs[name]]
        figures = " | ".join(f"{f1:.3f}" for f1 in found)
        print(f"| {name} | {figures} | {np.mean(found):.3f} ({np.std(found, ddof=1):.3f}) |")
    print(f"\n{_legend(some, data, domains)}")


def _recipe(name: str, changes: list[str], options: argparse.Namespace) -> Recipe:
    length = [f"optimiser.epochs={options.epochs}", f"optimiser.batches_per_epoch={options.batches_per_epoch}"]
    return load_recipe(name, [FOLDS_BY, f"seed={options.seed}", *length, *changes])


def _run(recipe: Recipe, runs: Path, domain: str) -> Path:
    return runs / folder_name(recipe, "-stain" if recipe.augment.stain else "", domain)


def _legend(recipe: Recipe, data: Data, domains: dict[str, str]) -> str:
    optimiser = recipe.optimiser
    batches = optimiser.epochs * optimiser.batches_per_epoch
    return (
        f"Every cell: one run of {batches * optimiser.batch_size:,} tiles ({batches:,} batches of "
        f"{optimiser.batch_size}), seed {recipe.seed}; epoch and threshold chosen on a fifth of the other slides. "
        f"{held_out(data, recipe, domains)}"
    )


if __name__ == "__main__":
    main()

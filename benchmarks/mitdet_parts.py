"""The ablation of MitDet's paper at a size that two cores train: what does each part bring on a scanner never seen?

    python benchmarks/mitdet_parts.py --data regions-train --figure-free tissue --runs runs [--epochs 8] [key=value ...]
    torchrun --nproc-per-node 2 benchmarks/mitdet_parts.py ...    # the same in less time
    python benchmarks/mitdet_parts.py ... --parts none --parts UnSA,InCDP    # other combinations than the paper's

Diverse and balanced samples (DGSB), stain enhancement (EFDMix, UnSA) and child classes (InCDP), added in turn, the two
ways of stain enhancement apart and together. Each combination is trained once without one of the scanners that
MIDOG++'s table (datasets_xvalidation.csv in the folder of the data) names. The network that is measured has seen as
many crops in every row: with child classes half of the epochs are the parent stage's, and no stage ends early. What it
takes to choose the samples stands beside. Settings hold for all rows; of a part they say what it is where a row has it
(sampling.unsa=vahadane_random, or sampling.unsa=restain with --generators, their folder). A run that was broken off
goes on, one that is there is not trained again. Needs anaphase[cpu,train].
"""

import argparse
from pathlib import Path

from held_out import FOLDS_BY, folder_name, held_out, scanner_domains, tested

from training import distributed
from training.data.read import read_data
from training.fit import fit
from training.generators import Generators, read_generators
from training.recipe import NucleiRecipe, load_recipe

Parts = tuple[str, ...]
ON = {
    "DGSB": "sampling.balance=both",
    "EFDMix": "model.efdmix=0.5",
    "UnSA": "sampling.unsa=template",
    "InCDP": "model.children=4",
}
OFF = {
    "DGSB": "sampling.balance=none",
    "EFDMix": "model.efdmix=0",
    "UnSA": "sampling.unsa=null",
    "InCDP": "model.children=0",
}
ROWS: list[Parts] = [
    (),
    ("DGSB",),
    ("DGSB", "EFDMix"),
    ("DGSB", "UnSA"),
    ("DGSB", "EFDMix", "UnSA"),
    ("DGSB", "EFDMix", "UnSA", "InCDP"),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--figure-free", type=Path, nargs="+", default=[])
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--recipe", default="mitdet_small")
    parser.add_argument("--scanner", help="which is held out; the first in the order of their names if not given")
    parser.add_argument("--epochs", type=int, help="of every row, an even number; the recipe's if not given")
    of_row = f"one row: of {', '.join(ON)} some with commas between, or none"
    parser.add_argument("--parts", type=parts_of, action="append", help=of_row)
    generators = "of sampling.unsa=restain, trained with folds_by=domain+scanner and the same fold"
    parser.add_argument("--generators", type=Path, metavar="RUN", help=generators)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings of the recipe to change")
    options = parser.parse_intermixed_args()

    rows = options.parts or ROWS
    recipes = {parts: recipe_of(parts, options.recipe, options.epochs, options.overrides) for parts in rows}
    some = recipes[rows[0]]
    data = read_data([options.data], options.figure_free, some.input.resolution_um_px)
    domains = scanner_domains(data)
    scanner = options.scanner or next(iter(domains), None)
    if scanner not in domains:
        parser.error(f"the data have no scanner {scanner}; they name: {', '.join(domains) or 'none'}")
    runs = {
        parts: options.runs / folder_name(recipe, "".join(f"-{part}" for part in parts), domains[scanner])
        for parts, recipe in recipes.items()
    }
    with distributed.processes():
        for parts, recipe in recipes.items():
            if tested(runs[parts], recipe) is None:
                generators = generators_for(recipe, options.generators)
                fit(recipe, data, runs[parts], domains[scanner], runs[parts].exists(), generators=generators)
        if distributed.rank() > 0:
            return
        print("| parts | F1 | recall | precision | crops trained on | to choose samples |\n|---|---|---|---|---|---|")
        for parts, recipe in recipes.items():
            print(row_of(parts, recipe, runs[parts]))
        print(
            f"\n{some.name}, batches of {some.optimiser.batch_size}, seed {some.seed}; epoch and threshold chosen on a "
            f"fifth of the other slides. {held_out(data, some, {scanner: domains[scanner]})}"
        )


def parts_of(text: str) -> Parts:
    """What a row has, in the order of the paper."""
    named = [] if text == "none" else text.split(",")
    for name in named:
        if name not in ON:
            raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(ON)}")
    return tuple(part for part in ON if part in named)


def recipe_of(parts: Parts, name: str, epochs: int | None, overrides: list[str]) -> NucleiRecipe:
    """The recipe with these parts and no others; with child classes its epochs are shared by two stages."""
    off = [of for part, of in OFF.items() if part not in parts]
    changes = [*ON.values(), *overrides, *off, FOLDS_BY, "optimiser.patience=null"]
    recipe = load_recipe(name, changes)
    if not isinstance(recipe, NucleiRecipe):
        raise SystemExit(f"{recipe.name} has no such parts: give a recipe of nuclei.")
    total = epochs or recipe.optimiser.epochs
    if total % 2:
        raise SystemExit(f"{total} epochs cannot be shared by two stages: give an even number.")
    return load_recipe(name, [*changes, f"optimiser.epochs={total // stages(recipe)}"])


def generators_for(recipe: NucleiRecipe, folder: Path | None) -> Generators | None:
    """Those of the folder, for a recipe that restains."""
    restains = folder is not None and recipe.sampling.unsa == "restain"
    return read_generators(folder, recipe.input.resolution_um_px) if restains else None


def stages(recipe: NucleiRecipe) -> int:
    """How many the network goes through."""
    return 2 if recipe.model.children else 1


def row_of(parts: Parts, recipe: NucleiRecipe, run: Path) -> str:
    """A combination's figures, how many crops its network has seen, and those that judge which samples are hard."""
    found = tested(run, recipe)
    figures = [f"{found[f'tested_{figure}']:.3f}" for figure in ("f1", "recall", "precision")]
    sampling, optimiser = recipe.sampling, recipe.optimiser
    crops = optimiser.batches_per_epoch * optimiser.batch_size
    trained = stages(recipe) * optimiser.epochs * crops
    choosing = sampling.parts * sampling.difficulty_epochs * crops if sampling.balance == "both" else 0
    return f"| {' + '.join(parts) or 'none'} | {' | '.join(figures)} | {trained:,} | {choosing:,} |"


if __name__ == "__main__":
    main()

"""Runs with one scanner held out: which there are, what each found there, and the sentence below a table."""

from pathlib import Path

from algorithm.errors import AlgorithmError
from training.checkpoints import BEST, load_checkpoint
from training.data.read import Data
from training.data.split import searched, split_fold
from training.recipe import Recipe, recipe_from

FOLDS_BY = "folds_by=domain+scanner"


def scanner_domains(data: Data) -> dict[str, str]:
    """The domains of the scanners that the data's table names, in the order of their names."""
    found = {case.scanner: f"{case.domain}, {case.scanner}" for case in data.cases if case.scanner}
    return dict(sorted(found.items()))


def folder_name(recipe: Recipe, parts: str, domain: str) -> str:
    """Of a run, by the recipe, what of it is changed, the domain held out and the seed."""
    return f"{recipe.name}{parts}-{domain.replace(', ', '-').replace(' ', '-')}-seed{recipe.seed}"


def tested(run: Path, recipe: Recipe) -> dict[str, float] | None:
    """What the run found, also in the domain that it held out; none where it has not come to its end.

    Raises AlgorithmError for a run of another recipe.
    """
    checkpoint = load_checkpoint(run / BEST) if (run / BEST).exists() else {"best": {}}
    best: dict[str, float] = checkpoint["best"]
    if "tested_f1" not in best:
        return None
    if recipe_from(checkpoint["recipe"], str(run / BEST)) != recipe:
        raise AlgorithmError(f"{run} is a run with other settings.", "Give the same, or another folder of runs.")
    return best


def held_out(data: Data, recipe: Recipe, domains: dict[str, str]) -> str:
    """How much is held out with each scanner."""
    parts = []
    for scanner, domain in domains.items():
        regions = searched(split_fold(data, recipe, domain).tested)
        figures = sum(len(region.figures) for region in regions)
        parts.append(f"{scanner}: {len(regions)} regions, {figures} mitotic figures")
    return f"Held out: {'; '.join(parts)}."

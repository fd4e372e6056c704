"""From runs to a bundle: the graph of each member, compared with its checkpoint, and the manifest."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from torch import nn

from algorithm.bundle import MANIFEST_FILE
from algorithm.errors import AlgorithmError
from algorithm.size import Size
from training.bundles.base import Bundles
from training.bundles.build import bundles_of
from training.bundles.card import Card
from training.checkpoints import BEST, load_checkpoint
from training.data.read import Data
from training.graph import WeightType, round_weights, write_onnx
from training.models.build import build_model
from training.models.lora import merge_lora
from training.recipe import AnyRecipe, DetectionRecipe, recipe_from
from training.second_stage import take_along

PARITY_BATCHES = (1, 2, 2, 3, *[4] * 14)
LARGEST_DIFFERENCE = 1e-3
LARGEST_ROUNDING = 0.01  # of a probability: far from zero a logit may move by more and nothing comes of it


def export(
    runs: Sequence[Path], card: Card, output: Path, data: Data | None = None, weights: WeightType = "float32"
) -> dict[str, Any]:
    """Write the runs' best checkpoints as one bundle: what the manifest says of their parity with the checkpoints.

    The decision threshold is chosen on the slides of `data` that no run trained on (training/ensemble.py). Without
    data it is the mean of the members' own, each of which was chosen on what its run was validated on. With float16
    weights are rounded (training/graph.py) once the graphs have been compared with the checkpoints. The folder
    appears whole or not at all. Raises AlgorithmError where the runs do not fit together, where a graph differs from
    its checkpoint by more than 1e-3 in a logit, or rounding moved a probability by more than 0.01, where the folder
    is there already, or where all slides were trained on; BundleError where the recipe's second stage is none.
    """
    if output.exists():
        raise AlgorithmError(f"{output} is there already.", "Give another folder, or remove it first.")
    checkpoints = [load_checkpoint(run / BEST) for run in runs]
    recipes = [
        recipe_from(checkpoint["recipe"], str(run / BEST)) for run, checkpoint in zip(runs, checkpoints, strict=True)
    ]
    recipe = recipes[0]
    _check_colours(recipe)
    _check_together(runs, recipes)
    bundles = bundles_of(recipe)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".bundle-") as beside:
        folder = Path(beside) / output.name
        folder.mkdir()
        if isinstance(recipe, DetectionRecipe) and recipe.second_stage is not None:
            take_along(recipe.second_stage, folder)
        networks = [
            build_model(own.model, checkpoint["model"]) for own, checkpoint in zip(recipes, checkpoints, strict=True)
        ]
        models = [bundles.exported(merge_lora(network)) for network in networks]
        graphs = [folder / f"member_{number}.onnx" for number in range(len(models))]
        for model, graph in zip(models, graphs, strict=True):
            write_onnx(model, bundles.size, graph, bundles.output_names, bundles.free_step_px)
        manifest = bundles.manifest(checkpoints, card, graphs)
        _write_manifest(folder, manifest)
        parity = {"tiles": sum(PARITY_BATCHES), "weights": weights, **_parity(folder, models, bundles)}
        if weights == "float16":
            for graph in graphs:
                round_weights(graph)
            manifest = bundles.manifest(checkpoints, card, graphs)
            _write_manifest(folder, manifest)
            parity |= _rounding(folder, models, bundles)
        manifest["provenance"]["parity"] = parity
        _write_manifest(folder, manifest)
        if data is not None:
            bundles.validate(folder, checkpoints, data, manifest)
            _write_manifest(folder, manifest)
        folder.rename(output)
    return parity


def largest_differences(folder: Path, models: Sequence[nn.Module], bundles: Bundles) -> tuple[float, float]:
    """The largest of a logit and of a probability between the bundle, run as the algorithm does, and checkpoints."""
    found, predictors = bundles.logits(folder), [bundles.logits_of(model) for model in models]
    of_logits = of_probabilities = 0.0
    for tiles in parity_tiles(bundles.size):
        expected, answer = np.concatenate([predict(tiles) for predict in predictors]), found(tiles)
        of_logits = max(of_logits, float(np.abs(answer - expected).max()))
        of_probabilities = max(of_probabilities, float(np.abs(expit(answer) - expit(expected)).max()))
    return of_logits, of_probabilities


def parity_tiles(size: Size) -> Iterator[NDArray[np.uint8]]:
    """64 seeded tiles in batches of several sizes: noise of every coarseness from single pixels to 32 px."""
    rng = np.random.default_rng(0)
    for count in PARITY_BATCHES:
        batch = np.empty((count, size.height, size.width, 3), np.uint8)
        for number in range(count):
            cell = 2 ** (number % 6)
            noise = rng.integers(0, 256, (size.height // cell + 1, size.width // cell + 1, 3), dtype=np.uint8)
            batch[number] = noise.repeat(cell, 0).repeat(cell, 1)[: size.height, : size.width]
        yield batch


def _check_colours(recipe: AnyRecipe) -> None:
    if isinstance(recipe, DetectionRecipe) and recipe.stain_normalisation is not None:
        raise AlgorithmError(
            f"{recipe.name} was trained on normalised stains, and the algorithm shows a bundle the stains as they are.",
            "Train without stain_normalisation.",
        )


def _check_together(runs: Sequence[Path], recipes: Sequence[AnyRecipe]) -> None:
    """Members must see and say the same: only what their recipes call OWN may differ."""
    shared = [recipe.model_dump(exclude=set(recipe.OWN)) for recipe in recipes]
    for run, other in zip(runs, shared, strict=True):
        differing = sorted(key for key in other.keys() | shared[0].keys() if other.get(key) != shared[0].get(key))
        if differing:
            raise AlgorithmError(
                f"{run} was trained with another recipe than {runs[0]}: {differing[0]} differs.",
                "Export runs of one recipe.",
            )


def _parity(folder: Path, models: Sequence[nn.Module], bundles: Bundles) -> dict[str, float]:
    difference, _ = largest_differences(folder, models, bundles)
    if difference > LARGEST_DIFFERENCE:
        raise AlgorithmError(
            f"The exported graphs differ from their checkpoints by {difference:.2g} in a logit.",
            f"At most {LARGEST_DIFFERENCE} is accepted: report this with the recipe.",
        )
    return {"largest_logit_difference": difference}


def _rounding(folder: Path, models: Sequence[nn.Module], bundles: Bundles) -> dict[str, float]:
    of_logits, rounding = largest_differences(folder, models, bundles)
    if rounding > LARGEST_ROUNDING:
        raise AlgorithmError(
            f"Weights of 16 bits move a probability by {rounding:.2g}, more than {LARGEST_ROUNDING}.",
            "Export this network with --weights float32.",
        )
    return {"largest_logit_rounding": of_logits, "largest_probability_rounding": rounding}


def _write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest, indent=2) + "\n")

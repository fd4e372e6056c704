"""From runs to a bundle: the graph of each member, compared with its checkpoint, and the manifest."""

import datetime
import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from pydantic import Field, ValidationError
from torch import nn

from algorithm.bundle import MANIFEST_FILE, load_bundle
from algorithm.errors import AlgorithmError
from algorithm.manifest import DataSource, Manifest, Member
from algorithm.runtime import Ensemble
from algorithm.settings import Settings, first_problem
from training.checkpoints import BEST, load_checkpoint
from training.data.read import Data
from training.digest import digest
from training.ensemble import validate_ensemble
from training.graph import WeightType, round_weights, write_onnx
from training.models.build import build_model
from training.models.lora import merge_lora
from training.recipe import Recipe, recipe_from
from training.systems.segmentation import TilePredictor

PARITY_BATCHES = (1, 2, 2, 3, *[4] * 14)
LARGEST_DIFFERENCE = 1e-3
LARGEST_ROUNDING = 0.05  # of a logit: at most 0.0125 of a probability
TOOLS = ("torch", "onnx", "onnxscript", "onnxruntime")


class Card(Settings):
    """What the checkpoints cannot say of themselves: a YAML file given to the export."""

    name: str
    version: str
    datasets: tuple[DataSource, ...] = Field(min_length=1)
    intended_use: str


def read_card(path: Path) -> Card:
    """Raises AlgorithmError for a file that cannot be read or lacks something."""
    try:
        return Card.model_validate(yaml.safe_load(path.read_text()))
    except OSError as error:
        raise AlgorithmError(
            f"{path} cannot be read: {error.strerror}.", "Give a card, see docs/training.md."
        ) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())
        raise AlgorithmError(
            f"{path} is no YAML file: {problem}.", "Correct the card, see docs/training.md."
        ) from error
    except ValidationError as error:
        raise AlgorithmError(f"{path}: {first_problem(error)}.", "Complete the card, see docs/training.md.") from error


def export(
    runs: Sequence[Path], card: Card, output: Path, data: Data | None = None, weights: WeightType = "float32"
) -> dict[str, Any]:
    """Write the runs' best checkpoints as one bundle: what the manifest says of their parity with the checkpoints.

    The decision threshold is chosen on the slides of `data` that no run trained on (training/ensemble.py). Without
    data it is the mean of the members' own, each of which was chosen on what its run was validated on. With float16
    weights are rounded (training/graph.py) once the graphs have been compared with the checkpoints. The folder
    appears whole or not at all. Raises AlgorithmError where the runs do not fit together, where a graph differs from
    its checkpoint by more than 1e-3 in a logit, or rounding moved one by more than 0.05, where the folder is there
    already, or where all slides were trained on.
    """
    if output.exists():
        raise AlgorithmError(f"{output} is there already.", "Give another folder, or remove it first.")
    checkpoints = [load_checkpoint(run / BEST) for run in runs]
    recipe = recipe_from(checkpoints[0]["recipe"], str(runs[0] / BEST))
    _check_together(runs, checkpoints)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".bundle-") as beside:
        folder = Path(beside) / output.name
        folder.mkdir()
        models = [merge_lora(build_model(recipe.model, checkpoint["model"])) for checkpoint in checkpoints]
        graphs = [folder / f"member_{number}.onnx" for number in range(len(models))]
        for model, graph in zip(models, graphs, strict=True):
            write_onnx(model, recipe.input.tile_px, graph)
        manifest = _manifest(recipe, checkpoints, card, graphs)
        _write_manifest(folder, manifest)
        parity = {"tiles": sum(PARITY_BATCHES), "weights": weights, **_parity(folder, models, recipe)}
        if weights == "float16":
            for graph in graphs:
                round_weights(graph)
            manifest = _manifest(recipe, checkpoints, card, graphs)
            _write_manifest(folder, manifest)
            parity |= _rounding(folder, models, recipe)
        manifest["provenance"]["parity"] = parity
        _write_manifest(folder, manifest)
        if data is not None:
            validation = validate_ensemble(load_bundle(folder), recipe, checkpoints, data)
            manifest["provenance"]["validation"] = validation.model_dump()
            manifest["postprocess"]["threshold"] = validation.threshold
            _write_manifest(folder, manifest)
        folder.rename(output)
    return parity


def largest_difference(folder: Path, models: Sequence[nn.Module], recipe: Recipe) -> float:
    """The largest difference of a logit between the bundle, run as the algorithm does, and the checkpoints."""
    ensemble = Ensemble(load_bundle(folder), device="cpu")
    predictors = [TilePredictor(model, recipe.input, torch.device("cpu")) for model in models]
    largest = 0.0
    for tiles in parity_tiles(recipe.input.tile_px):
        expected = np.concatenate([predictor.logits(tiles) for predictor in predictors])
        largest = max(largest, float(np.abs(ensemble.logits(tiles) - expected).max()))
    return largest


def parity_tiles(tile_px: int) -> Iterator[NDArray[np.uint8]]:
    """64 seeded tiles in batches of several sizes: noise of every coarseness from single pixels to 32 px."""
    rng = np.random.default_rng(0)
    for size in PARITY_BATCHES:
        batch = np.empty((size, tile_px, tile_px, 3), np.uint8)
        for number in range(size):
            cell = 2 ** (number % 6)
            side = tile_px // cell + 1
            noise = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
            batch[number] = noise.repeat(cell, 0).repeat(cell, 1)[:tile_px, :tile_px]
        yield batch


def _check_together(runs: Sequence[Path], checkpoints: Sequence[dict[str, Any]]) -> None:
    """Members must see and say the same: their recipes may differ in nothing but the seed."""
    recipes = [
        recipe_from({**checkpoint["recipe"], "seed": 0}, str(run / BEST))
        for run, checkpoint in zip(runs, checkpoints, strict=True)
    ]
    for run, other in zip(runs, recipes, strict=True):
        if other != recipes[0]:
            raise AlgorithmError(f"{run} was trained with another recipe than {runs[0]}.", "Export runs of one recipe.")


def _parity(folder: Path, models: Sequence[nn.Module], recipe: Recipe) -> dict[str, float]:
    difference = largest_difference(folder, models, recipe)
    if difference > LARGEST_DIFFERENCE:
        raise AlgorithmError(
            f"The exported graphs differ from their checkpoints by {difference:.2g} in a logit.",
            f"At most {LARGEST_DIFFERENCE} is accepted: report this with the recipe.",
        )
    return {"largest_logit_difference": difference}


def _rounding(folder: Path, models: Sequence[nn.Module], recipe: Recipe) -> dict[str, float]:
    rounding = largest_difference(folder, models, recipe)
    if rounding > LARGEST_ROUNDING:
        raise AlgorithmError(
            f"Weights of 16 bits move a logit by {rounding:.2g}, more than {LARGEST_ROUNDING}.",
            "Export this network with --weights float32.",
        )
    return {"largest_logit_rounding": rounding}


def _manifest(
    recipe: Recipe, checkpoints: Sequence[dict[str, Any]], card: Card, graphs: Sequence[Path]
) -> dict[str, Any]:
    """The manifest as a tree, parity still empty."""
    threshold = float(np.mean([checkpoint["best"]["threshold"] for checkpoint in checkpoints]))
    manifest = Manifest(
        name=card.name,
        version=card.version,
        members=tuple(_member(graph, checkpoint) for graph, checkpoint in zip(graphs, checkpoints, strict=True)),
        input=recipe.input,
        postprocess=recipe.postprocess.model_copy(update={"threshold": round(threshold, 4)}),
        provenance={
            "recipe": recipe.name,
            "datasets": [source.model_dump() for source in card.datasets],
            "folds": f"{recipe.folds} by slide" if recipe.folds_by == "slide" else f"one {recipe.folds_by} left out",
            "parity": {},
            "code_revision": _code_revision(),
            "tools": {tool: version(tool) for tool in TOOLS},
            "date": datetime.date.today().isoformat(),
        },
        intended_use=card.intended_use,
    )
    return manifest.model_dump(mode="json")


def _member(path: Path, checkpoint: dict[str, Any]) -> Member:
    """What the run held out and how it did there; its checkpoint has figures called tested where that was a domain."""
    best = checkpoint["best"]
    chosen = {key: best[key] for key in ("epoch", "threshold")}
    return Member(
        files={"any": {"file": path.name, "sha256": digest(path)}},
        held_out=checkpoint["fold"],
        validation={**_scores(best, "validation"), **chosen},
        tested=_scores(best, "tested") if "tested_f1" in best else None,
        note="; ".join(_origins(checkpoint)),
    )


def _scores(best: dict[str, Any], part: str) -> dict[str, float]:
    return {key: best[f"{part}_{key}"] for key in ("f1", "precision", "recall")}


def _origins(checkpoint: dict[str, Any]) -> list[str]:
    """What a run began with besides its recipe and its data."""
    weights = checkpoint.get("weights")
    start = [] if weights is None else [f"started from {weights['tensors']} tensors of {weights['file']}"]
    return start + [f"masks of {used['data_set']} from {used['file']}" for used in checkpoint.get("masks", [])]


def _write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest, indent=2) + "\n")


def _code_revision() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    found = subprocess.run(command, capture_output=True, text=True)
    return found.stdout.strip() if found.returncode == 0 else "unknown"

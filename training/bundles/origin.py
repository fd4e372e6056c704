"""Where a bundle comes from: what its manifest says of its training, whatever the system."""

import datetime
import os
import shutil
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from training.bundles.card import Card
from training.digest import digest
from training.recipe import Recipe

TOOLS = ("torch", "onnx", "onnxscript", "onnxruntime")


def provenance(recipe: Recipe, checkpoints: Sequence[dict[str, Any]], card: Card) -> dict[str, Any]:
    """The manifest's provenance as a tree, parity and validation still empty."""
    return {
        "recipe": " and ".join(dict.fromkeys(checkpoint["recipe"]["name"] for checkpoint in checkpoints)),
        "datasets": [source.model_dump() for source in card.datasets],
        "folds": f"{recipe.folds} by slide" if recipe.folds_by == "slide" else f"one {recipe.folds_by} left out",
        "parity": {},
        "code_revision": code_revision(),
        "tools": {tool: version(tool) for tool in TOOLS},
        "date": datetime.date.today().isoformat(),
    }


def of_member(graph: Path, checkpoint: dict[str, Any]) -> dict[str, Any]:
    """A member's file, its recipe, what its run held out, which of its networks it is, and what it began with."""
    return {
        "files": {"any": {"file": graph.name, "sha256": digest(graph)}},
        "recipe": checkpoint["recipe"]["name"],
        "held_out": checkpoint["fold"],
        "note": "; ".join(_origins(checkpoint)),
    }


def _origins(checkpoint: dict[str, Any]) -> list[str]:
    """Which of its run's networks this is, and what the run began with besides its recipe and its data."""
    start = [f"network {checkpoint['kept']} of its run"] if "kept" in checkpoint else []
    weights = checkpoint.get("weights")
    if weights is not None:
        start.append(f"started from {weights['tensors']} tensors of {weights['file']}")
    start += [f"masks of {used['data_set']} from {used['file']}" for used in checkpoint.get("masks", [])]
    return start + [f"look-alikes mined into {used['file']}" for used in checkpoint.get("mined", [])]


def code_revision() -> str:
    """Of the checkout, as git says it; else what the trainer's image was built from."""
    of_image = os.environ.get("ANAPHASE_REVISION", "unknown")
    if shutil.which("git") is None:
        return of_image
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    found = subprocess.run(command, capture_output=True, text=True)
    return found.stdout.strip() if found.returncode == 0 else of_image

"""Checkpoints of a run: written beside, then renamed, so that a reader finds a whole one or none."""

import os
from pathlib import Path
from typing import Any

import torch

from algorithm.errors import AlgorithmError

LAST, BEST = "last.pt", "best.pt"
PARTS = {"recipe", "fold", "epoch", "best", "model", "optimiser"}
LATER = {"weights", "masks", "mined", "generators", "trained", "kept", "means"}
"""What not every run has.

`trained`: the weights that training goes on with, where `model` is their mean. Where a run keeps several networks,
`kept`: which of them `model` is; `means`: in the last checkpoint, each other's `model` and `best` by its name.
"""


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Tensors, numbers and text only, so that loading needs no trust in the file."""
    beside = path.with_suffix(".partial")
    torch.save(content, beside)
    with beside.open("rb") as file:
        os.fsync(file.fileno())
    beside.replace(path)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Raises AlgorithmError for a missing or damaged file, or one that holds code."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise AlgorithmError(f"There is no checkpoint {path}.", "Train first: python -m training fit.") from error
    except Exception as error:
        raise AlgorithmError(f"{path} is no checkpoint of this project: {error}", "Train again.") from error
    if not isinstance(content, dict) or set(content) - LATER != PARTS:
        raise AlgorithmError(f"{path} is no checkpoint of this project.", "Give the folder of a run.")
    return content

"""What a system brings to its export; training/export.py does the rest."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import nn

from algorithm.size import Size
from training.bundles.card import Card
from training.data.read import Data

Logits = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Tiles (B, H, W, 3) uint8 RGB to the members' logits (M, B, ...), or whatever else they give."""


class Bundles(Protocol):
    """size: of what the networks take. output_names: what graphs call what they give.

    free_step_px: graphs also take any other size whose sides are multiples of it; None: that one alone.
    """

    size: Size
    output_names: tuple[str, ...]
    free_step_px: int | None

    def exported(self, model: nn.Module) -> nn.Module:
        """What is written as a graph, of a checkpoint's network."""

    def manifest(self, checkpoints: Sequence[dict[str, Any]], card: Card, graphs: Sequence[Path]) -> dict[str, Any]:
        """The manifest as a tree, parity still empty."""

    def logits(self, folder: Path) -> Logits:
        """Of a bundle, run as the algorithm does on a CPU."""

    def logits_of(self, model: nn.Module) -> Logits:
        """Of what is exported of a checkpoint's network, an ensemble of one."""

    def validate(
        self, folder: Path, checkpoints: Sequence[dict[str, Any]], data: Data, manifest: dict[str, Any]
    ) -> None:
        """Let the slides that members did not train on choose what they can, and say so in the manifest."""

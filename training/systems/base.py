"""What a system of a recipe brings to its training; training/trainer.py does the rest."""

from collections.abc import Iterator
from typing import Protocol

from torch import Tensor, nn

Batch = tuple[Tensor, ...]


class System(Protocol):
    """The batches of a split, what a network makes of them and how good that is."""

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The process's own shares of an epoch's batches; they follow from the recipe's seed and the epoch alone."""

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Of the whole batch, in every process the same; gradients flow into the own share alone."""

    def validate(self, model: nn.Module) -> dict[str, float]:
        """`validation_loss` and the figures that choose the epoch, by their names in a run's metrics."""

    def tested(self, model: nn.Module, best: dict[str, float]) -> dict[str, float]:
        """Figures, called `tested_...`, on what was held out and chose nothing, with the best epoch's `validate`."""

"""A batch that goes through the network in parts, where memory is short for the whole."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def in_parts(
    network: Callable[..., Sequence[Tensor]], model: nn.Module, tiles: Tensor, parts: int, *others: Tensor
) -> Sequence[Tensor]:
    """The logits of tiles (B, 3, T, T), `parts` of them of equal size one after the other; `network` calls the model.

    It gives one tensor (B, ...) for each task. others: (B, ...), what else it takes of each tile.

    The logits are the whole batch's, and so is a loss of them; but what the gradient needs of the network is in memory
    for one part at a time, because each runs forward a second time when the gradient comes to it, with the same paths
    dropped. That is a forward pass more, about a third of a step's time. Only batch normalisation tells parts from a
    whole: it takes the mean and the variance of each by itself.
    """
    if parts == 1:
        return network(tiles, *others)

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _buffers_kept(model)

    # in turn, since a batch's positives come first
    dealt = [[of[number::parts] for of in (tiles, *others)] for number in range(parts)]
    logits = [checkpoint(network, *part, use_reentrant=False, context_fn=contexts) for part in dealt]
    return [torch.stack(of_task, dim=1).flatten(0, 1) for of_task in zip(*logits, strict=True)]


@contextmanager
def _buffers_kept(model: nn.Module) -> Iterator[None]:
    """What batch normalisation counts, it has counted when the part ran first."""
    before = [buffer.clone() for buffer in model.buffers()]
    try:
        yield
    finally:
        for buffer, value in zip(model.buffers(), before, strict=True):
            buffer.copy_(value)

"""The memory that a network takes, counted; the tensors may be ones that have a shape but no data."""

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from training.models import selective_scan as scans
from training.models.selective_scan_triton import STEPS


def kept_for_gradient(model: nn.Module, network: Callable[[Tensor], Any], images: Tensor) -> int:
    """The bytes that a forward pass keeps for the gradient, each once, without the parameters themselves.

    network: what is called of the model.

    The scan keeps what the project's kernels for GPUs keep.
    """
    kept: dict[int, torch.UntypedStorage] = {}
    own = {parameter.untyped_storage()._cdata for parameter in model.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage
        return tensor

    with _scan_as(_scan_of_kernels), saved_tensors_hooks(keep, lambda tensor: tensor):
        network(images)
    return sum(storage.nbytes() for storage in kept.values())


def peak_of_export(model: nn.Module, images: Tensor) -> int:
    """The most bytes that are alive at once in a forward pass as it is exported, with the scan in chunks.

    Neither images nor parameters count. A runtime that gives memory back later than it could takes more.
    """
    with _scan_as(scans.selective_scan_chunked), torch.no_grad(), _Alive() as alive:
        model(images)
    return alive.peak


class _Alive(TorchDispatchMode):
    """Counts the memory of what operations make until nothing refers to it any more, not of what they are given."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._known |= {leaf.untyped_storage()._cdata for leaf in tree_leaves(args) if isinstance(leaf, Tensor)}
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, Tensor):
                self._add(leaf.untyped_storage())
        return made

    def _add(self, storage: torch.UntypedStorage) -> None:
        if storage._cdata not in self._known:
            self._known.add(storage._cdata)
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._remove, storage._cdata, storage.nbytes())

    def _remove(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


@contextmanager
def _scan_as(form: Callable[..., Tensor]) -> Iterator[None]:
    """Networks scan in this form meanwhile."""
    fastest_form = scans.fastest_form
    scans.fastest_form = lambda _: form  # type: ignore[assignment]
    try:
        yield
    finally:
        scans.fastest_form = fastest_form


def _scan_of_kernels(
    u: Tensor, delta: Tensor, bias: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, orders: Tensor
) -> Tensor:
    """Computes nothing, and keeps for the gradient what the project's kernels for GPUs keep."""
    return _ScanOfKernels.apply(orders.contiguous(), *(part.contiguous() for part in (u, delta, bias, A, B, C, D)))


class _ScanOfKernels(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, orders: Tensor, *inputs: Tensor) -> Tensor:
        u, delta, _, A, *_ = inputs
        batch, length, directions, _ = delta.shape
        starts = delta.new_empty(batch, directions, -(-length // STEPS), *A.shape[1:])
        ctx.save_for_backward(orders, starts, *inputs)
        return torch.empty_like(u)

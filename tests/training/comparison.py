"""What differs between two checkpoints."""

from collections.abc import Iterator
from pathlib import Path

import torch

from training.checkpoints import load_checkpoint


def differences(one: Path, other: Path) -> set[str]:
    """By the ways to them, what only one has or what is not the same to the last bit."""
    first, second = (dict(_leaves(load_checkpoint(path))) for path in (one, other))
    both = first.keys() & second.keys()
    return first.keys() ^ second.keys() | {key for key in both if not _same(first[key], second[key])}


def _leaves(tree: object, name: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(tree, dict | list | tuple):
        parts = tree.items() if isinstance(tree, dict) else enumerate(tree)
        for key, part in parts:
            yield from _leaves(part, f"{name}.{key}")
    else:
        yield name, tree


def _same(one: object, other: object) -> bool:
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other

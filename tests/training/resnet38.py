"""Checkpoints of ResNet38, spelt as psa, as MitDet's own code and as MXNet spell them, of any width."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

UNITS = (3, 3, 6, 3)
NORM = ("weight", "bias", "running_mean", "running_var")
Shapes = Iterator[tuple[str, tuple[int, ...]]]


def trunk_shapes(width: int = 64, units: Sequence[int] = UNITS) -> Shapes:
    """Keys and shapes in psa's order, without counters."""
    yield "conv1a.weight", (width, 3, 3, 3)
    before = width
    for stage, (count, middle, after) in enumerate(zip(units, (2, 4, 8, 8), (2, 4, 8, 16), strict=True), 2):
        for number in range(count):
            name = f"b{stage}_{number}" if number else f"b{stage}"
            layers = [("2a", before, middle * width, 3), ("2b1", middle * width, after * width, 3)]
            yield from _unit(name, layers, before, projected=number == 0)
            before = after * width
    for name in ("b6", "b7"):
        layers = [
            ("2a", before, before // 2, 1),
            ("2b1", before // 2, before, 3),
            ("2b2", before, 2 * before, 1),
        ]
        yield from _unit(name, layers, before, projected=True)
        before *= 2
    yield from _norm("bn7", before)


def psa(width: int = 64, units: Sequence[int] = UNITS, device: str = "cpu") -> dict[str, Tensor]:
    """Every tensor holds its own number, so that it is known wherever it goes."""
    shapes = trunk_shapes(width, units)
    return {key: torch.full(shape, number / 1e4, device=device) for number, (key, shape) in enumerate(shapes, 1)}


def mxnet_key(key: str) -> str:
    """psa's key as MXNet spells it, with the kind of the array before it."""
    parts = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_var"}
    unit, _, rest = key.partition(".")
    if unit == "conv1a":
        return "arg:conv1a_weight"
    if unit == "bn7":
        part = parts[rest]
        return f"{_kind(part)}:bn7_{part}"
    stage, _, number = unit[1:].partition("_")
    place = f"{stage}b{number}" if number else f"{stage}a"
    layer, _, part = rest.partition(".")
    kind, _, branch = layer.partition("_")
    if kind == "conv":
        return f"arg:res{place}_{branch}_weight"
    return f"{_kind(parts[part])}:bn{place}_{branch}_{parts[part]}"


def _kind(part: str) -> str:
    return "aux" if part.startswith("moving") else "arg"


def _unit(name: str, layers: Sequence[tuple[str, int, int, int]], before: int, projected: bool) -> Shapes:
    for place, given, made, kernel in layers:
        yield from _norm(f"{name}.bn_branch{place}", given)
        yield f"{name}.conv_branch{place}.weight", (made, given, kernel, kernel)
    if projected:
        yield f"{name}.conv_branch1.weight", (layers[-1][2], before, 1, 1)


def _norm(name: str, channels: int) -> Shapes:
    yield from ((f"{name}.{part}", (channels,)) for part in NORM)

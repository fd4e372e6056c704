"""Checkpoints of pre-activated ResNets with bottlenecks, spelt as HoVer-Net and timm spell them, of any width."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

UNITS = (3, 4, 6, 3)
NORM = ("weight", "bias", "running_mean", "running_var")
Shapes = Iterator[tuple[str, tuple[int, ...]]]


def hovernet(width: int = 64, units: Sequence[int] = UNITS, device: str = "cpu") -> dict[str, Tensor]:
    """As in ImageNet-ResNet50-Preact_pytorch.tar, in its own order."""
    return _numbered(_hovernet_shapes(width, units), device)


def resnetv2(width: int = 64, units: Sequence[int] = UNITS, device: str = "cpu") -> dict[str, Tensor]:
    """As timm's resnetv2_50, with its last layer."""
    return _numbered(_resnetv2_shapes(width, units), device)


def torchvision_resnet() -> dict[str, Tensor]:
    """The first tensors of torchvision's resnet50."""
    shapes = {"conv1.weight": (64, 3, 7, 7), "bn1.weight": (64,), "layer1.0.conv1.weight": (64, 64, 1, 1)}
    return {key: torch.zeros(shape) for key, shape in shapes.items()}


def _hovernet_shapes(width: int, units: Sequence[int]) -> Shapes:
    yield "conv0./.weight", (width, 3, 7, 7)
    yield from _norm("conv0.bn", width)
    before = width
    for stage, count in enumerate(units):
        inner = width * 2**stage
        for unit in range(count):
            place = f"d{stage}.units.{unit}"
            if unit > 0:
                yield from _norm(f"{place}.preact/bn", 4 * inner)
            yield f"{place}.conv1.weight", (inner, before if unit == 0 else 4 * inner, 1, 1)
            yield from _norm(f"{place}.conv1/bn", inner)
            yield f"{place}.conv2.weight", (inner, inner, 3, 3)
            yield from _norm(f"{place}.conv2/bn", inner)
            yield f"{place}.conv3.weight", (4 * inner, inner, 1, 1)
        yield f"d{stage}.shortcut.weight", (4 * inner, before, 1, 1)
        yield from _norm(f"d{stage}.blk_bna.bn", 4 * inner)
        before = 4 * inner


def _resnetv2_shapes(width: int, units: Sequence[int]) -> Shapes:
    yield "stem.conv.weight", (width, 3, 7, 7)
    before = width
    for stage, count in enumerate(units):
        inner = width * 2**stage
        for unit in range(count):
            place = f"stages.{stage}.blocks.{unit}"
            if unit == 0:
                yield f"{place}.downsample.conv.weight", (4 * inner, before, 1, 1)
            yield from _norm(f"{place}.norm1", before)
            yield f"{place}.conv1.weight", (inner, before, 1, 1)
            yield from _norm(f"{place}.norm2", inner)
            yield f"{place}.conv2.weight", (inner, inner, 3, 3)
            yield from _norm(f"{place}.norm3", inner)
            yield f"{place}.conv3.weight", (4 * inner, inner, 1, 1)
            before = 4 * inner
    yield from _norm("norm", before)
    yield "head.fc.weight", (1000, before, 1, 1)
    yield "head.fc.bias", (1000,)


def _norm(name: str, channels: int) -> Shapes:
    yield from ((f"{name}.{part}", (channels,)) for part in NORM)


def _numbered(shapes: Shapes, device: str) -> dict[str, Tensor]:
    """Every tensor holds its own number, so that it is known wherever it goes."""
    return {key: torch.full(shape, float(number), device=device) for number, (key, shape) in enumerate(shapes, 1)}

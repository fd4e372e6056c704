"""Checkpoints laid out as mmdetection's RTMDet, of any size; without memory on the meta device."""

from collections.abc import Iterator

import torch
from torch import Tensor

NORM = ("weight", "bias", "running_mean", "running_var")
Shapes = Iterator[tuple[str, tuple[int, ...]]]


def rtmdet(width: float = 0.5, depth: float = 0.33, classes: int = 80, device: str = "cpu") -> dict[str, Tensor]:
    """In mmdetection's order, without counters; every tensor holds its own number, so that it is known anywhere.

    Convolutions that levels share have one number, and the first one's channels are told apart by three.
    """
    made: dict[str, Tensor] = {}
    for number, (key, shape) in enumerate(rtmdet_shapes(width, depth, classes), 1):
        made[key] = torch.full(shape, number / 1000, device=device)
        if "_convs." in key and key.endswith("conv.weight") and key.startswith("bbox_head."):
            branch, _, stacked = key.split(".")[1:4]
            made[key] = made[f"bbox_head.{branch}.0.{stacked}.conv.weight"]
    made["backbone.stem.0.conv.weight"] += torch.tensor([0.1, 0.2, 0.3], device=device).view(1, 3, 1, 1)
    return made


def rtmdet_shapes(width: float = 0.5, depth: float = 0.33, classes: int = 80) -> Shapes:
    """Keys and shapes, as read in mmdetection's code."""
    stem, *stages = (int(channels * width) for channels in (64, 128, 256, 512, 1024))
    for place, before, after in ((0, 3, stem // 2), (1, stem // 2, stem // 2), (2, stem // 2, stem)):
        yield from _conv(f"backbone.stem.{place}", before, after, 3)
    before = stem
    for stage, (after, blocks) in enumerate(zip(stages, (3, 6, 6, 3), strict=True), 1):
        name = f"backbone.stage{stage}"
        yield from _conv(f"{name}.0", before, after, 3)
        if stage == 4:
            yield from _conv(f"{name}.1.conv1", after, after // 2, 1)
            yield from _conv(f"{name}.1.conv2", 2 * after, after, 1)
        layer = f"{name}.2" if stage == 4 else f"{name}.1"
        yield from _csp(layer, after, after, max(1, round(blocks * depth)))
        yield f"{layer}.attention.fc.weight", (after, after, 1, 1)
        yield f"{layer}.attention.fc.bias", (after,)
        before = after
    yield from _neck(stages[1:], max(1, round(3 * depth)))
    yield from _head(stages[1], classes)


def _neck(channels: list[int], blocks: int) -> Shapes:
    fine, middle, coarse = channels
    yield from _conv("neck.reduce_layers.0", coarse, middle, 1)
    yield from _conv("neck.reduce_layers.1", middle, fine, 1)
    yield from _csp("neck.top_down_blocks.0", 2 * middle, middle, blocks)
    yield from _csp("neck.top_down_blocks.1", 2 * fine, fine, blocks)
    yield from _conv("neck.downsamples.0", fine, fine, 3)
    yield from _conv("neck.downsamples.1", middle, middle, 3)
    yield from _csp("neck.bottom_up_blocks.0", 2 * fine, middle, blocks)
    yield from _csp("neck.bottom_up_blocks.1", 2 * middle, coarse, blocks)
    for level, before in enumerate(channels):
        yield from _conv(f"neck.out_convs.{level}", before, fine, 3)


def _head(channels: int, classes: int) -> Shapes:
    for branch in ("cls_convs", "reg_convs"):
        for level in range(3):
            for stacked in range(2):
                yield from _conv(f"bbox_head.{branch}.{level}.{stacked}", channels, channels, 3)
    for last, after in (("rtm_cls", classes), ("rtm_reg", 4)):
        for level in range(3):
            yield f"bbox_head.{last}.{level}.weight", (after, channels, 1, 1)
            yield f"bbox_head.{last}.{level}.bias", (after,)


def _csp(name: str, before: int, after: int, blocks: int) -> Shapes:
    half = after // 2
    yield from _conv(f"{name}.main_conv", before, half, 1)
    yield from _conv(f"{name}.short_conv", before, half, 1)
    yield from _conv(f"{name}.final_conv", 2 * half, after, 1)
    for block in range(blocks):
        yield from _conv(f"{name}.blocks.{block}.conv1", half, half, 3)
        yield from _conv(f"{name}.blocks.{block}.conv2.depthwise_conv", 1, half, 5)
        yield from _conv(f"{name}.blocks.{block}.conv2.pointwise_conv", half, half, 1)


def _conv(name: str, before: int, after: int, kernel: int) -> Shapes:
    yield f"{name}.conv.weight", (after, before, kernel, kernel)
    yield from ((f"{name}.bn.{part}", (after,)) for part in NORM)

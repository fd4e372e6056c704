"""RTMDet, a one-stage detector without anchors: every place of three maps says what is there and how far its box goes.

Source: Lyu et al., "RTMDet: An Empirical Study of Designing Real-Time Object Detectors", 2022, sections 3.2 and 3.3, in
the form of mmdetection's RTMDet-tiny, -S and -M, which say distances plainly where L and X say their logarithms. The
names of the parts are those of mmdetection's weights, so that these load as they are.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.boxes import STRIDES, decode, flatten_levels, point_priors
from training.models.cspnext import ConvNorm, CSPLayer, CSPNeXt, scaled_depth, scaled_width

NECK_BLOCKS = 3
"""At depth 1."""
HEAD_CHANNELS = 256
"""At width 1; the neck hands on as many."""
STACKED = 2
"""Convolutions before the last of each branch of the head."""
FIRST_PROBABILITY = 0.01
"""Of every class at every place before training (Lin et al., "Focal Loss for Dense Object Detection", section 3.3)."""
FIRST_DISTANCE = 1.0
"""In strides, before training: a box without an area overlaps nothing, and its loss, which counts by the overlap, no
gradient. (mmdetection begins with 0, and with a backbone that knows much.)"""
HEAD_STD = 0.01

Levels = list[tuple[Tensor, Tensor]]


class RTMDet(nn.Module):
    """Images to class logits and distances at three levels, finest first.

    Input (batch, 3, height, width), height and width multiples of 32. Output, for each stride s of 8, 16 and 32 px:
    logits (batch, classes, height / s, width / s), and (batch, 4, height / s, width / s) distances in strides, which
    may be negative, from the place's point to its box's left, top, right and bottom (`training.models.boxes`).

    `width` and `depth` are 0.375 and 0.167 for RTMDet-tiny, 0.5 and 0.33 for S, 0.75 and 0.67 for M, 1 and 1 for L,
    1.25 and 1.33 for X. Class 0 is the mitotic figure, class 1, where there is one, its look-alike.
    """

    def __init__(self, width: float = 0.5, depth: float = 0.33, classes: int = 2) -> None:
        super().__init__()
        channels = scaled_width(HEAD_CHANNELS, width)
        self.backbone = CSPNeXt(width, depth)
        self.neck = Neck(self.backbone.channels, channels, scaled_depth(NECK_BLOCKS, depth))
        self.bbox_head = Head(channels, classes)

    def forward(self, images: Tensor) -> Levels:
        return self.bbox_head(self.neck(self.backbone(images)))


class Decoded(nn.Module):
    """A network's answers as bundles have them: (batch, 4 + classes, N), boxes x1, y1, x2, y2 in px and logits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits, distances = flatten_levels(self.network(images))
        height, width = images.shape[-2:]
        boxes = decode(distances, point_priors(height, width, images.device))
        return torch.cat([boxes, logits], dim=-1).transpose(1, 2)


class Neck(nn.Module):
    """A pyramid of maps: what the coarse ones know goes down to the fine ones, and up again.

    Takes maps of `before` channels, finest first, and gives as many, of `after` channels each (Liu et al., "Path
    Aggregation Network for Instance Segmentation", CVPR 2018, with CSPNeXt's layers).
    """

    def __init__(self, before: Sequence[int], after: int, blocks: int) -> None:
        super().__init__()
        fine, middle, coarse = before
        self.reduce_layers = nn.ModuleList([ConvNorm(coarse, middle), ConvNorm(middle, fine)])
        self.top_down_blocks = nn.ModuleList(
            [_joining(2 * middle, middle, blocks), _joining(2 * fine, fine, blocks)],
        )
        self.downsamples = nn.ModuleList([ConvNorm(fine, fine, 3, 2), ConvNorm(middle, middle, 3, 2)])
        self.bottom_up_blocks = nn.ModuleList(
            [_joining(2 * fine, middle, blocks), _joining(2 * middle, coarse, blocks)],
        )
        self.out_convs = nn.ModuleList(ConvNorm(channels, after, 3) for channels in before)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        *finer, x = maps
        reduced = []
        for reduce, join, beside in zip(self.reduce_layers, self.top_down_blocks, reversed(finer), strict=True):
            x = reduce(x)
            reduced.append(x)
            x = join(torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), beside], dim=1))
        levels = [x]
        for halve, join, beside in zip(self.downsamples, self.bottom_up_blocks, reversed(reduced), strict=True):
            levels.append(join(torch.cat([halve(levels[-1]), beside], dim=1)))
        return [convolution(level) for convolution, level in zip(self.out_convs, levels, strict=True)]


class Head(nn.Module):
    """Two branches, for classes and for boxes, whose convolutions all levels share; each level has its own norms."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.cls_convs = _branches(channels)
        self.reg_convs = _branches(channels)
        classifiers = [nn.Conv2d(channels, classes, 1) for _ in STRIDES]
        self.rtm_cls = nn.ModuleList(classifiers)
        distances = [nn.Conv2d(channels, 4, 1) for _ in STRIDES]
        self.rtm_reg = nn.ModuleList(distances)
        self.apply(_initialise)
        for last in classifiers:
            nn.init.constant_(last.get_parameter("bias"), -math.log((1 - FIRST_PROBABILITY) / FIRST_PROBABILITY))
        for last in distances:
            nn.init.constant_(last.get_parameter("bias"), FIRST_DISTANCE)

    def forward(self, maps: Sequence[Tensor]) -> Levels:
        levels = []
        for level, x in enumerate(maps):
            logits = self.rtm_cls[level](self.cls_convs[level](x))
            levels.append((logits, self.rtm_reg[level](self.reg_convs[level](x))))
        return levels


def _joining(before: int, after: int, blocks: int) -> CSPLayer:
    return CSPLayer(before, after, blocks, added=False, attention=False)


def _branches(channels: int) -> nn.ModuleList:
    """One for each level, all with the first one's convolutions."""
    branches = [nn.Sequential(*(ConvNorm(channels, channels, 3) for _ in range(STACKED))) for _ in STRIDES]
    for branch in branches[1:]:
        for own, first in zip(branch, branches[0], strict=True):
            own.conv = first.conv
    return nn.ModuleList(branches)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, std=HEAD_STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)

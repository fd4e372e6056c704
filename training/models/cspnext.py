"""CSPNeXt, RTMDet's backbone: stages of depthwise convolutions of 5 x 5, half of the channels going past them.

Source: Lyu et al., "RTMDet: An Empirical Study of Designing Real-Time Object Detectors", 2022, section 3.2. The names
of the parts are those of mmdetection's weights, so that these load as they are.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = (64, 128, 256, 512, 1024)
"""Channels behind the stem and the four stages, at width 1."""
BLOCKS = (3, 6, 6, 3)
"""Of the four stages, at depth 1."""
POOLINGS = (5, 9, 13)


def scaled_width(channels: int, width: float) -> int:
    """Channels of a network of that width."""
    return int(channels * width)


def scaled_depth(blocks: int, depth: float) -> int:
    """Blocks of a network of that depth, one at least."""
    return max(round(blocks * depth), 1)


class CSPNeXt(nn.Module):
    """Images (batch, 3, height, width) to the maps of the last three stages, at an eighth, 16th and 32nd of the size.

    Height and width are multiples of 32. `width` and `depth` multiply channels and blocks; `channels` are the maps'.
    """

    def __init__(self, width: float = 0.5, depth: float = 0.33) -> None:
        super().__init__()
        widths = [scaled_width(channels, width) for channels in WIDTHS]
        blocks = [scaled_depth(count, depth) for count in BLOCKS]
        half = widths[0] // 2
        self.channels: list[int] = widths[2:]
        self.stem = nn.Sequential(ConvNorm(3, half, 3, 2), ConvNorm(half, half, 3), ConvNorm(half, widths[0], 3))
        self.stage1 = _stage(widths[0], widths[1], blocks[0])
        self.stage2 = _stage(widths[1], widths[2], blocks[1])
        self.stage3 = _stage(widths[2], widths[3], blocks[2])
        self.stage4 = _stage(widths[3], widths[4], blocks[3], last=True)

    def forward(self, images: Tensor) -> list[Tensor]:
        eighth = self.stage2(self.stage1(self.stem(images)))
        sixteenth = self.stage3(eighth)
        return [eighth, sixteenth, self.stage4(sixteenth)]


class ConvNorm(nn.Module):
    """A convolution that keeps the size, or halves an even one; batch normalisation; SiLU."""

    def __init__(self, before: int, after: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.bn(self.conv(x)))


class CSPLayer(nn.Module):
    """Blocks on one half of the channels, the other half past them, both joined by a last convolution.

    added: whether each block's input is added to its output; attention: whether channels are weighted when joined.
    """

    def __init__(self, before: int, after: int, blocks: int, added: bool, attention: bool) -> None:
        super().__init__()
        half = after // 2
        self.main_conv = ConvNorm(before, half)
        self.short_conv = ConvNorm(before, half)
        self.final_conv = ConvNorm(2 * half, after)
        self.blocks = nn.Sequential(*(Block(half, added) for _ in range(blocks)))
        self.attention = ChannelAttention(2 * half) if attention else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        joined = torch.cat([self.blocks(self.main_conv(x)), self.short_conv(x)], dim=1)
        return self.final_conv(self.attention(joined))


class Block(nn.Module):
    """3 x 3, then 5 x 5 in each channel by itself, then 1 x 1."""

    def __init__(self, channels: int, added: bool) -> None:
        super().__init__()
        self.conv1 = ConvNorm(channels, channels, 3)
        self.conv2 = SeparableConv(channels)
        self.added = added

    def forward(self, x: Tensor) -> Tensor:
        made = self.conv2(self.conv1(x))
        return x + made if self.added else made


class SeparableConv(nn.Module):
    """Depthwise, then pointwise; both normalised and activated."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise_conv = ConvNorm(channels, channels, 5, groups=channels)
        self.pointwise_conv = ConvNorm(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise_conv(self.depthwise_conv(x))


class ChannelAttention(nn.Module):
    """Every channel times a weight of 0 to 1 that follows from the means of all."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * F.hardsigmoid(self.fc(x.mean((2, 3), keepdim=True)))


class SpatialPyramid(nn.Module):
    """The map beside its maxima over several reaches, so that every place sees far (He et al., ECCV 2014)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = ConvNorm(channels, half)
        self.conv2 = ConvNorm((1 + len(POOLINGS)) * half, channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        return self.conv2(torch.cat([x, *(F.max_pool2d(x, side, 1, side // 2) for side in POOLINGS)], dim=1))


def _stage(before: int, after: int, blocks: int, last: bool = False) -> nn.Sequential:
    pyramid = [SpatialPyramid(after)] if last else []
    return nn.Sequential(
        ConvNorm(before, after, 3, 2), *pyramid, CSPLayer(after, after, blocks, added=not last, attention=True)
    )

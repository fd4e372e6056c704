"""A pre-activated residual network that looks at every pixel: HoVer-Net's encoder, and smaller ones of its kind.

Source: Graham et al., "HoVer-Net: Simultaneous segmentation and classification of nuclei in multi-tissue histology
images", Medical Image Analysis 2019, section 3.1: the ResNet-50 of He et al., "Identity Mappings in Deep Residual
Networks", ECCV 2016, whose first convolution has stride 1 and no pooling behind it, so that the output has an eighth of
the input's resolution. A narrow network of basic units is He et al.'s of 18 layers.
"""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

Padding = Literal["tf_same", "symmetric"]
STAGES = 4


class PreActResNet(nn.Module):
    """Images (batch, 3, height, width) of any size to the maps that leave the four stages, finest first.

    The maps have the images' size and then, each time, half of the one before, rounded up; `channels` are theirs. The
    published network is the default: 23,500,352 parameters. With bottlenecks the stages have four times `width`
    channels, 8, 16 and 32 times; without, a quarter of that. `padding` is that of the convolutions of stride 2: on the
    right and below as TensorFlow's, with which HoVer-Net's weights were trained, or on both sides as torch's.
    """

    def __init__(
        self,
        width: int = 64,
        units: Sequence[int] = (3, 4, 6, 3),
        bottleneck: bool = True,
        padding: Padding = "tf_same",
    ) -> None:
        super().__init__()
        inner = [width * 2**stage for stage in range(STAGES)]
        self.channels: list[int] = [4 * channels if bottleneck else channels for channels in inner]
        self.stem = Stem(width)
        self.stages = nn.ModuleList()
        before = width
        for stage, count in enumerate(units):
            widths = before, inner[stage], self.channels[stage]
            self.stages.append(Stage(widths, count, 1 if stage == 0 else 2, bottleneck, padding))
            before = self.channels[stage]
        self.apply(initialise_convolution)

    def forward(self, images: Tensor) -> list[Tensor]:
        x = self.stem(images)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


class NormReLU(nn.BatchNorm2d):
    """Batch normalisation, then ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(super().forward(x), inplace=True)


class Stem(nn.Module):
    """A convolution of 7 x 7 at full resolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, width, 7, padding=3, bias=False)
        self.norm = NormReLU(width)

    def forward(self, images: Tensor) -> Tensor:
        return self.norm(self.convolution(images))


class Stage(nn.Module):
    """Units at one resolution. widths: channels before, inside and after; only the first unit strides."""

    def __init__(
        self, widths: tuple[int, int, int], units: int, stride: int, bottleneck: bool, padding: Padding
    ) -> None:
        super().__init__()
        _, inner, after = widths
        kernels = (1, 3, 1) if bottleneck else (3, 3)
        self.units = nn.ModuleList([Unit(widths, kernels, stride, padding, first=True)])
        self.units.extend(Unit((after, inner, after), kernels, 1, padding) for _ in range(units - 1))
        self.norm = NormReLU(after)

    def forward(self, x: Tensor) -> Tensor:
        for unit in self.units:
            x = unit(x)
        return self.norm(x)


class Unit(nn.Module):
    """x + convolutions of x, before each of which it is normalised and activated.

    What enters the first unit of a stage is so already, and meets a projection on its way past the convolutions.
    """

    def __init__(
        self,
        widths: tuple[int, int, int],
        kernels: Sequence[int],
        stride: int,
        padding: Padding,
        first: bool = False,
    ) -> None:
        super().__init__()
        before, inner, after = widths
        given = [before, *[inner] * (len(kernels) - 1)]
        strides = [1] * len(kernels)
        strides[list(kernels).index(3)] = stride
        self.norms = nn.ModuleList(NormReLU(channels) for channels in given)
        if first:
            self.norms[0] = nn.Identity()
        self.convolutions = nn.ModuleList(
            _convolution(channels, made, kernel, step, padding)
            for channels, made, kernel, step in zip(given, [*given[1:], after], kernels, strides, strict=True)
        )
        self.shortcut = nn.Conv2d(before, after, 1, stride, bias=False) if first else None

    def forward(self, x: Tensor) -> Tensor:
        past = x if self.shortcut is None else self.shortcut(x)
        branch = self.convolutions[0](self.norms[0](x))
        for norm, convolution in zip(self.norms[1:], self.convolutions[1:], strict=True):
            branch = convolution(norm(branch))
        return past + branch


class TensorFlowConvolution(nn.Conv2d):
    """3 x 3 of stride 2, padded as TensorFlow's "same": an even side on its far end alone, an odd one at both.

    Source: HoVer-Net's public code, models/hovernet/utils.py.
    """

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        return super().forward(F.pad(x, (width % 2, 1, height % 2, 1)))


def _convolution(before: int, after: int, kernel: int, stride: int, padding: Padding) -> nn.Conv2d:
    if stride == 2 and padding == "tf_same":
        return TensorFlowConvolution(before, after, kernel, stride, bias=False)
    return nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)


def initialise_convolution(module: nn.Module) -> None:
    """Source: He et al., "Delving Deep into Rectifiers", ICCV 2015, section 2.2."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

"""ResNet38: wide, and with dilated convolutions instead of its last strides; the trunk of MitDet.

Source: Wu, Shen and van den Hengel, "Wider or Deeper: Revisiting the ResNet Model for Visual Recognition", 2016, its
network A1 in the form of psa's public code (network/resnet38d.py), whose names its parts have.
"""

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from training.models.preact_resnet import NormReLU, initialise_convolution

LAYERS = ("2a", "2b1", "2b2")
FROZEN = ("conv1a", "b2", "b2_1", "b2_2")
"""What psa and MitDet leave as ImageNet made it, beside all batch normalisation."""
Mix = Callable[[Tensor], Tensor]


class ResNet38(nn.Module):
    """Images (B, 3, H, W) to maps (B, `channels`, H / 8, W / 8), rounded up, without a value below zero.

    The published network is the default: 105,070,912 parameters, 64 x `width` channels. units: of the four stages of
    two convolutions of 3 x 3 a unit, the first three of which halve the map; two units with bottlenecks follow them.
    dropout: of whole maps, inside the first and the second of these.
    """

    def __init__(
        self, width: int = 64, units: Sequence[int] = (3, 3, 6, 3), dropout: tuple[float, float] = (0.5, 0.5)
    ) -> None:
        super().__init__()
        self.conv1a = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.stages: list[list[str]] = []
        before = width
        for stage, count in enumerate(units, start=2):
            middle, after = width * 2 ** min(stage - 1, 3), width * 2 ** (stage - 1)
            names = [f"b{stage}" if number == 0 else f"b{stage}_{number}" for number in range(count)]
            for number, name in enumerate(names):
                dilations = (1, 1) if stage < 5 else (1 if number == 0 else 2, 2)
                layers = [(middle, 3, dilations[0]), (after, 3, dilations[1])]
                self.add_module(name, Unit(before, layers, 2 if stage < 5 and number == 0 else 1))
                before = after
            self.stages.append(names)
        for name, share in zip(("b6", "b7"), dropout, strict=True):
            layers = [(before // 2, 1, 1), (before, 3, 4), (2 * before, 1, 1)]
            self.add_module(name, Unit(before, layers, dropout=share))
            before *= 2
            self.stages.append([name])
        self.bn7 = NormReLU(before)
        self.channels = before
        self.apply(initialise_convolution)

    def forward(self, images: Tensor, mix: Mix | None = None) -> Tensor:
        """mix: what maps go through behind the first convolution and behind the first two stages."""
        x = self.conv1a(images)
        for number, names in enumerate(self.stages):
            if mix is not None and number < 3:
                x = mix(x)
            for name in names:
                x = self.get_submodule(name)(x)
        return self.bn7(x)


class Unit(nn.Module):
    """x + convolutions of x, before each of which it is normalised and activated.

    layers: channels made, side of the kernel and dilation of each convolution; the first one strides. Where the shape
    changes, what is activated already meets a projection on its way past them. dropout: before all but the first.
    """

    def __init__(
        self, before: int, layers: Sequence[tuple[int, int, int]], stride: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.names, self.dropout, self.stride = LAYERS[: len(layers)], dropout, stride
        given = before
        for number, (name, (made, kernel, dilation)) in enumerate(zip(self.names, layers, strict=True)):
            padding = dilation * (kernel // 2)
            step = stride if number == 0 else 1
            convolution = nn.Conv2d(given, made, kernel, step, padding, dilation, bias=False)
            self.add_module(f"bn_branch{name}", NormReLU(given))
            self.add_module(f"conv_branch{name}", convolution)
            given = made
        same = given == before and stride == 1
        self.conv_branch1 = None if same else nn.Conv2d(before, given, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        branch, past = x, x
        for number, name in enumerate(self.names):
            branch = self.get_submodule(f"bn_branch{name}")(branch)
            if number > 0:
                branch = F.dropout2d(branch, self.dropout, self.training)
            elif self.conv_branch1 is not None:
                # not by a convolution that strides: on few channels its gradient crashes oneDNN on AVX-512
                past = self.conv_branch1(branch[:, :, :: self.stride, :: self.stride])
            branch = self.get_submodule(f"conv_branch{name}")(branch)
        return past + branch

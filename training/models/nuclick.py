"""NuClick, which segments the one nucleus that a person has clicked on.

Source: Koohbanani et al., "NuClick: A deep learning framework for interactive segmentation of microscopic images",
Medical Image Analysis 2020, section 3.2 and figure 3. The names of the parts are those of the public PyTorch weights,
so that these load as they are; so are two dilations in which they differ from the paper's first code.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

CHANNELS = 5  # R, G, B, the click, the other clicks
FACTOR = 32
"""Height and width are multiples of it: five poolings."""


class NuClick(nn.Module):
    """A patch and two maps of clicks to the logits of the clicked nucleus.

    Input (batch, 5, height, width): R, G, B in 0 to 1, then the inclusion and the exclusion map, 1 at clicks and else
    0; height and width multiples of 32. Output (batch, 1, height, width). `width` channels at full resolution; the
    published size is the default.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        w = width
        self.conv_block_1 = nn.Sequential(ConvNorm(CHANNELS, 2 * w, 7), ConvNorm(2 * w, w, 5), ConvNorm(w, w))
        self.residual_block_1 = nn.Sequential(Residual(w, 2 * w), Residual(2 * w, 2 * w))
        self.residual_block_2 = Residual(2 * w, 4 * w)
        self.multiscale_block_1 = Multiscale(4 * w, w, (3, 3, 5, 5), (1, 3, 3, 6))
        self.residual_block_3 = Residual(4 * w, 4 * w)
        self.residual_block_4 = nn.Sequential(Residual(4 * w, 8 * w), Residual(8 * w, 8 * w), Residual(8 * w, 8 * w))
        self.residual_block_5 = nn.Sequential(
            Residual(8 * w, 16 * w), Residual(16 * w, 16 * w), Residual(16 * w, 16 * w)
        )
        self.residual_block_6 = nn.Sequential(Residual(16 * w, 32 * w), Residual(32 * w, 32 * w))
        self.conv_transpose_1 = _twice_as_large(32 * w, 16 * w)
        self.residual_block_7 = nn.Sequential(Residual(32 * w, 16 * w), Residual(16 * w, 8 * w))
        self.conv_transpose_2 = _twice_as_large(8 * w, 8 * w)
        self.residual_block_8 = Residual(16 * w, 8 * w)
        self.multiscale_block_2 = Multiscale(8 * w, 2 * w, (3, 3, 5, 5), (1, 3, 2, 3))
        self.residual_block_9 = Residual(8 * w, 8 * w)
        self.conv_transpose_3 = _twice_as_large(8 * w, 4 * w)
        self.residual_block_10 = nn.Sequential(Residual(8 * w, 4 * w), Residual(4 * w, 4 * w))
        self.conv_transpose_4 = _twice_as_large(4 * w, 2 * w)
        self.residual_block_11 = Residual(4 * w, 2 * w)
        self.multiscale_block_3 = Multiscale(2 * w, w // 2, (3, 3, 5, 7), (1, 3, 2, 6))
        self.residual_block_12 = Residual(2 * w, 2 * w)
        self.conv_transpose_5 = _twice_as_large(2 * w, w)
        self.conv_block_2 = nn.Sequential(ConvNorm(2 * w, 2 * w), ConvNorm(2 * w, w), ConvNorm(w, w))
        self.conv_block_3 = LastConv(w)
        self.pool = nn.MaxPool2d(2)

    def forward(self, patches: Tensor) -> Tensor:
        full = self.conv_block_1(patches)
        half = self.residual_block_1(self.pool(full))
        quarter = self.residual_block_3(self.multiscale_block_1(self.residual_block_2(self.pool(half))))
        eighth = self.residual_block_4(self.pool(quarter))
        sixteenth = self.residual_block_5(self.pool(eighth))
        x = self.residual_block_6(self.pool(sixteenth))
        x = self.residual_block_7(torch.cat([self.conv_transpose_1(x), sixteenth], dim=1))
        x = self.residual_block_8(torch.cat([self.conv_transpose_2(x), eighth], dim=1))
        x = self.residual_block_9(self.multiscale_block_2(x))
        x = self.residual_block_10(torch.cat([self.conv_transpose_3(x), quarter], dim=1))
        x = self.residual_block_11(torch.cat([self.conv_transpose_4(x), half], dim=1))
        x = self.residual_block_12(self.multiscale_block_3(x))
        x = self.conv_block_2(torch.cat([self.conv_transpose_5(x), full], dim=1))
        return self.conv_block_3(x)


class ConvNorm(nn.Module):
    """A convolution that keeps the size, batch normalisation, and ReLU unless a sum follows."""

    def __init__(self, before: int, after: int, kernel: int = 3, dilation: int = 1, activation: bool = True) -> None:
        super().__init__()
        self.conv_bn_relu = nn.Sequential(
            nn.Conv2d(before, after, kernel, padding=dilation * (kernel // 2), dilation=dilation, bias=False),
            nn.BatchNorm2d(after, eps=1.001e-5),
            *([nn.ReLU()] if activation else []),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_bn_relu(x)


class LastConv(nn.Module):
    """The convolution of one pixel that makes the logits, with a bias and nothing after it."""

    def __init__(self, before: int) -> None:
        super().__init__()
        self.conv_bn_relu = nn.Sequential(nn.Conv2d(before, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_bn_relu(x)


class Residual(nn.Module):
    """Two convolutions, the second added to the first, not to the input."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv_block_1 = ConvNorm(before, after, activation=False)
        self.conv_block_2 = ConvNorm(after, after, activation=False)

    def forward(self, x: Tensor) -> Tensor:
        first = self.conv_block_1(x)
        return torch.relu(first + self.conv_block_2(first))


class Multiscale(nn.Module):
    """Four convolutions of several reaches side by side, `after` channels each."""

    def __init__(self, before: int, after: int, kernels: Sequence[int], dilations: Sequence[int]) -> None:
        super().__init__()
        first, second, third, fourth = zip(kernels, dilations, strict=True)
        self.conv_block_1 = ConvNorm(before, after, *first)
        self.conv_block_2 = ConvNorm(before, after, *second)
        self.conv_block_3 = ConvNorm(before, after, *third)
        self.conv_block_4 = ConvNorm(before, after, *fourth)

    def forward(self, x: Tensor) -> Tensor:
        blocks = (self.conv_block_1, self.conv_block_2, self.conv_block_3, self.conv_block_4)
        return torch.cat([block(x) for block in blocks], dim=1)


def _twice_as_large(before: int, after: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(before, after, 2, 2)

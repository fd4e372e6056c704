"""U-Net, the convolutional network that VM-UNet is compared with.

Source: Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015,
section 2, with padded convolutions, so that maps keep their size, and batch normalisation (Ioffe and Szegedy 2015)
after each of them.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Norm = Callable[[int], nn.Module]


class UNet(nn.Module):
    """Images to logits of one map per class, at the images' resolution.

    Input (batch, channels, height, width), height and width multiples of 2 ** levels; output (batch, classes, height,
    width). `width` channels at full resolution, twice as many after each of the `levels` poolings. The published size
    is the default. norm: makes the normalisation of a number of channels.
    """

    def __init__(
        self, width: int = 64, levels: int = 4, classes: int = 1, channels: int = 3, norm: Norm = nn.BatchNorm2d
    ) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(levels + 1)]
        self.encoder = nn.ModuleList(
            DoubleConvolution(before, after, norm) for before, after in zip([channels, *widths], widths, strict=False)
        )
        self.pool = nn.MaxPool2d(2)
        coarse_to_fine = widths[::-1]
        self.upsample = nn.ModuleList(nn.ConvTranspose2d(wide, wide // 2, 2, 2) for wide in coarse_to_fine[:-1])
        self.decoder = nn.ModuleList(DoubleConvolution(wide, wide // 2, norm) for wide in coarse_to_fine[:-1])
        self.final_conv = nn.Conv2d(width, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        x = self.encoder[0](images)
        leaving = []
        for stage in self.encoder[1:]:
            leaving.append(x)
            x = stage(self.pool(x))
        for upsample, stage in zip(self.upsample, self.decoder, strict=True):
            x = stage(torch.cat([leaving.pop(), upsample(x)], dim=1))
        return self.final_conv(x)


class DoubleConvolution(nn.Sequential):
    """Twice: a 3 x 3 convolution, normalisation, ReLU."""

    def __init__(self, before: int, after: int, norm: Norm = nn.BatchNorm2d) -> None:
        super().__init__(
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            norm(after),
            nn.ReLU(inplace=True),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            norm(after),
            nn.ReLU(inplace=True),
        )

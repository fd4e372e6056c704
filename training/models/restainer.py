"""A network that stains grey pictures anew in the colours of one domain, and the one that tells them from its own.

Source: RestainNet (arXiv 2202.13804), which MitDet's UnSA takes its colour domains from: a network that learns from a
domain's own pictures to stain them anew once they are grey. Its code is not public. That it is a U-Net with instance
normalisation (Ulyanov et al. 2016) beside a discriminator of patches (Isola et al., "Image-to-Image Translation with
Conditional Adversarial Networks", CVPR 2017) is this project's choice.
"""

from functools import partial

import torch
from torch import Tensor, nn

from training.models.unet import UNet

LUMA = (0.299, 0.587, 0.114)
"""How bright red, green and blue are (ITU-R BT.601)."""
EXTREME = 0.02
"""Of grey; darker and brighter counts as this, or no colour would ever come of it."""


class Restainer(nn.Module):
    """RGB pictures (B, 3, H, W) in 0 to 1, of which it sees the grey alone, to RGB pictures in its domain's colours.

    H, W: multiples of 2 ** levels, and more, since a map of one pixel cannot be normalised by itself. The generator is
    a U-Net of `width` channels at full resolution (31,036,611 parameters with 64). Its logits are added to the grey's,
    which they begin as: normalised maps know no brightness, and what is left to learn are the colours. `discriminator`,
    of discriminator_width channels, serves training alone.
    """

    def __init__(self, width: int = 64, levels: int = 4, discriminator_width: int = 64) -> None:
        super().__init__()
        norm = partial(nn.InstanceNorm2d, affine=True)
        self.generator = UNet(width, levels, classes=3, channels=1, norm=norm)
        for parameter in self.generator.final_conv.parameters():
            nn.init.zeros_(parameter)
        self.discriminator = PatchDiscriminator(discriminator_width)

    def forward(self, pictures: Tensor) -> Tensor:
        seen = grey(pictures)
        return torch.sigmoid(self.generator(seen) + torch.logit(seen, eps=EXTREME))


class PatchDiscriminator(nn.Sequential):
    """RGB pictures (B, 3, H, W) in 0 to 1 to a map (B, 1, h, w): for each 70 x 70 px, 1 for real and 0 for made.

    2,764,737 parameters at the published width. Source: Isola et al., appendix 6.1.2.
    """

    def __init__(self, width: int = 64) -> None:
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        for times, stride in ((1, 2), (2, 2), (4, 1)):
            convolution = nn.Conv2d(times * width, 2 * times * width, 4, stride, 1)
            layers += [convolution, nn.InstanceNorm2d(2 * times * width), nn.LeakyReLU(0.2, inplace=True)]
        super().__init__(*layers, nn.Conv2d(8 * width, 1, 4, 1, 1))


def grey(pictures: Tensor) -> Tensor:
    """How bright RGB pictures (B, 3, H, W) are, (B, 1, H, W)."""
    weights = torch.tensor(LUMA, device=pictures.device, dtype=pictures.dtype).view(3, 1, 1)
    return (pictures * weights).sum(dim=1, keepdim=True)

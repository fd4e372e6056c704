"""A classifier of mitotic figures that learns from two more tasks, segmentation and the classes of pixels.

Source: the multi-task method of MIDOG 2025's second track: an encoder, a head of three linear layers, and two decoders
like a U-Net's, which serve training alone. The paper gives no widths; they are this project's.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.preact_resnet import PreActResNet
from training.models.timm_encoder import TimmEncoder
from training.models.unet import DoubleConvolution

PIXEL_CLASSES = 3
"""Background, normal figure, atypical figure."""


class Tasks(NamedTuple):
    """Logits. atypical: (B, 1); segmentation, figure or not: (B, 1, H, W); pixel_classes: (B, PIXEL_CLASSES, H, W)."""

    atypical: Tensor
    segmentation: Tensor
    pixel_classes: Tensor


class Multitask(nn.Module):
    """Images (B, 3, H, W) to a logit (B, 1) of the figure's being atypical.

    That needs the encoder and the head alone, which so are all that is exported. head: the widths of its hidden layers;
    decoder_width: the channels of the decoders' finest maps, doubled with every coarser one. With HoVer-Net's encoder
    and the defaults 42,534,981 parameters are trained and 24,615,233 exported.
    """

    def __init__(
        self,
        encoder: PreActResNet | TimmEncoder,
        head: Sequence[int] = (512, 128),
        dropout: float = 0.0,
        decoders: bool = True,
        decoder_width: int = 64,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = Head(encoder.channels[-1], head, dropout)
        self.segmentation = Decoder(encoder.channels, decoder_width, 1) if decoders else None
        self.pixel_classes = Decoder(encoder.channels, decoder_width, PIXEL_CLASSES) if decoders else None

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.encoder(images)[-1])

    def all_tasks(self, images: Tensor) -> Tasks:
        """What training needs: the logits of all tasks. Raises ValueError for a network without decoders."""
        if self.segmentation is None or self.pixel_classes is None:
            raise ValueError("a network without decoders has one task")
        maps, size = self.encoder(images), images.shape[-2:]
        return Tasks(self.head(maps[-1]), self.segmentation(maps, size), self.pixel_classes(maps, size))


class Head(nn.Sequential):
    """A map (B, channels, h, w), averaged, through linear layers with ReLU between them to (B, 1)."""

    def __init__(self, channels: int, hidden: Sequence[int], dropout: float) -> None:
        layers: list[nn.Module] = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        for before, after in zip([channels, *hidden], hidden, strict=False):
            layers += [nn.Linear(before, after), nn.ReLU(inplace=True), nn.Dropout(dropout)]
        super().__init__(*layers, nn.Linear([channels, *hidden][-1], 1))


class Decoder(nn.Module):
    """An encoder's maps, finest first, to logits (B, classes, H, W), from the coarsest up by way of all the others."""

    def __init__(self, channels: Sequence[int], width: int, classes: int) -> None:
        super().__init__()
        skips = channels[-2::-1]
        widths = [channels[-1], *(width * 2**level for level in reversed(range(len(skips))))]
        self.blocks = nn.ModuleList(
            DoubleConvolution(before + skip, after)
            for before, skip, after in zip(widths, skips, widths[1:], strict=False)
        )
        self.last = nn.Conv2d(width, classes, 1)

    def forward(self, maps: Sequence[Tensor], size: Sequence[int]) -> Tensor:
        x = maps[-1]
        for block, skip in zip(self.blocks, maps[-2::-1], strict=True):
            x = block(torch.cat([_enlarged(x, skip.shape[-2:]), skip], dim=1))
        return _enlarged(self.last(x), size)


def _enlarged(x: Tensor, size: Sequence[int]) -> Tensor:
    return x if x.shape[-2:] == tuple(size) else F.interpolate(x, size=tuple(size), mode="bilinear")

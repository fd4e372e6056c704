"""What scanners and files do to an image: defocus, coarser sampling, compression. Tiles (3, H, W) in 0 to 1."""

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F


def blur(tile: Tensor, sigma_px: float) -> Tensor:
    """Gaussian blur of a tile of any channels (C, H, W), reflected at the border."""
    radius = max(1, round(3 * sigma_px))
    offsets = torch.arange(-radius, radius + 1, dtype=tile.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma_px) ** 2)
    channels = len(tile)
    kernel = (kernel / kernel.sum()).expand(channels, 1, 1, -1)
    padded = F.pad(tile[None], [radius] * 4, mode="reflect")
    return F.conv2d(F.conv2d(padded, kernel, groups=channels), kernel.transpose(2, 3), groups=channels)[0]


def coarsen(tile: Tensor, factor: float) -> Tensor:
    """The tile as a scanner of `factor` times the pixel size would show it, brought back to its size."""
    size = [max(1, round(side / factor)) for side in tile.shape[1:]]
    coarse = F.interpolate(tile[None], size=size, mode="bilinear", antialias=True)
    return F.interpolate(coarse, size=tile.shape[1:], mode="bicubic")[0].clamp(0, 1)


def compress(tile: Tensor, quality: int) -> Tensor:
    """The tile after JPEG compression."""
    pixels = (tile.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=quality)
    decoded = np.array(Image.open(file))
    return torch.from_numpy(decoded).permute(2, 0, 1).to(tile.dtype) / 255

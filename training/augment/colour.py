"""Changes of stain, brightness and contrast, on RGB tiles (B, 3, H, W) with values in 0 to 1."""

import torch
from torch import Tensor

from algorithm.stain import EOSIN, HAEMATOXYLIN, StainMatrix
from algorithm.tissue import tissue_pixels


def stain_vectors(stains: StainMatrix) -> Tensor:
    """(3, 3) float32: rows haematoxylin, eosin and their cross product, of unit length."""
    constant = stains.method == "ruifrok"  # brought to length 1 in float32, so that old runs repeat to the last bit
    rows = torch.tensor([HAEMATOXYLIN, EOSIN] if constant else stains.vectors.tolist())
    first, second = (row / row.norm() for row in rows)
    third = torch.linalg.cross(first, second)
    return torch.stack([first, second, third / third.norm()])


def change_stains(tiles: Tensor, vectors: Tensor, gains: Tensor, shifts: Tensor, tissue_only: bool = False) -> Tensor:
    """Multiplies the concentration of each of a tile's stains by gains (B, 3) and adds shifts (B, 3).

    vectors: (B, 3, 3), each tile's rows as `stain_vectors` gives them. Only what is stained is shifted; with
    `tissue_only` all else, glass and padding, stays as it is. After Tellez et al. 2018.
    """
    absorbance = -torch.log(tiles.clamp(min=1 / 255)).permute(0, 2, 3, 1)
    tissue = absorbance.mean(3, keepdim=True) > 0.1
    if tissue_only:
        pixels = (tiles.permute(0, 2, 3, 1) * 255).round().to(torch.uint8)
        tissue &= torch.from_numpy(tissue_pixels(pixels.numpy()))[..., None]
    stains = torch.einsum("bhwc,bcs->bhws", absorbance, torch.linalg.inv(vectors))
    stains = stains * gains[:, None, None] + shifts[:, None, None] * tissue
    changed = torch.exp(-torch.einsum("bhws,bsc->bhwc", stains, vectors)).clamp(0, 1).permute(0, 3, 1, 2)
    return torch.where(tissue.permute(0, 3, 1, 2), changed, tiles) if tissue_only else changed


def change_brightness_and_contrast(tiles: Tensor, brightness: Tensor, contrast: Tensor) -> Tensor:
    """Adds brightness (B,) and scales the distance to the tile's mean by contrast (B,)."""
    mean = tiles.mean(dim=(1, 2, 3), keepdim=True)
    return ((tiles - mean) * contrast[:, None, None, None] + mean + brightness[:, None, None, None]).clamp(0, 1)

"""Changes of stain, brightness and contrast, on RGB tiles (B, 3, H, W) with values in 0 to 1."""

import torch
from torch import Tensor

# Ruifrok and Johnston 2001: absorbance of haematoxylin, eosin and a third, orthogonal direction, in R, G, B.
HAEMATOXYLIN, EOSIN = (0.65, 0.70, 0.29), (0.07, 0.99, 0.11)


def stain_vectors() -> Tensor:
    """(3, 3): rows haematoxylin, eosin and their cross product, of unit length."""
    first, second = (torch.tensor(vector) / torch.tensor(vector).norm() for vector in (HAEMATOXYLIN, EOSIN))
    third = torch.linalg.cross(first, second)
    return torch.stack([first, second, third / third.norm()])


def change_stains(tiles: Tensor, gains: Tensor, shifts: Tensor) -> Tensor:
    """Multiplies each stain's concentration by gains (B, 3) and adds shifts (B, 3), after Tellez et al. 2018."""
    vectors = stain_vectors().to(tiles)
    absorbance = -torch.log(tiles.clamp(min=1 / 255))
    stains = torch.einsum("bchw,cs->bshw", absorbance, torch.linalg.inv(vectors))
    stains = stains * gains[:, :, None, None] + shifts[:, :, None, None] * (absorbance.mean(1, keepdim=True) > 0.1)
    return torch.exp(-torch.einsum("bshw,sc->bchw", stains, vectors)).clamp(0, 1)


def change_brightness_and_contrast(tiles: Tensor, brightness: Tensor, contrast: Tensor) -> Tensor:
    """Adds brightness (B,) and scales the distance to the tile's mean by contrast (B,)."""
    mean = tiles.mean(dim=(1, 2, 3), keepdim=True)
    return ((tiles - mean) * contrast[:, None, None, None] + mean + brightness[:, None, None, None]).clamp(0, 1)

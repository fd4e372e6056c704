"""Changes of stain, brightness, contrast and hue, on RGB tiles (B, 3, H, W) with values in 0 to 1."""

import torch
from torch import Tensor

from algorithm.stain import EOSIN, HAEMATOXYLIN, StainMatrix

LEAST_DENSITY = 0.1  # what absorbs less in the mean of its channels holds no stain to speak of


def stain_vectors(stains: StainMatrix) -> Tensor:
    """(3, 3) float32: rows haematoxylin, eosin and their cross product, of unit length."""
    constant = stains.method == "ruifrok"  # brought to length 1 in float32, so that old runs repeat to the last bit
    rows = torch.tensor([HAEMATOXYLIN, EOSIN] if constant else stains.vectors.tolist())
    first, second = (row / row.norm() for row in rows)
    third = torch.linalg.cross(first, second)
    return torch.stack([first, second, third / third.norm()])


def optical_density(tiles: Tensor) -> Tensor:
    """-ln(I) of tiles (B, 3, H, W); black counts as 1 of 255."""
    return -torch.log(tiles.clamp(min=1 / 255))


def change_stains(tiles: Tensor, vectors: Tensor, gains: Tensor, shifts: Tensor, where: Tensor | None = None) -> Tensor:
    """Multiplies the concentration of each of a tile's stains by gains (B, 3) and adds shifts (B, 3).

    vectors: (B, 3, 3), each tile's rows as `stain_vectors` gives them. where: (B, H, W) bool, all else stays as it is;
    None: everywhere, but only what is stained is shifted. After Tellez et al. 2018.
    """
    absorbance = optical_density(tiles).permute(0, 2, 3, 1)
    shifted = absorbance.mean(3) > LEAST_DENSITY if where is None else where
    stains = torch.einsum("bhwc,bcs->bhws", absorbance, torch.linalg.inv(vectors))
    stains = stains * gains[:, None, None] + shifts[:, None, None] * shifted[..., None]
    changed = torch.exp(-torch.einsum("bhws,bsc->bhwc", stains, vectors)).clamp(0, 1).permute(0, 3, 1, 2)
    return changed if where is None else torch.where(where[:, None], changed, tiles)


def change_brightness_and_contrast(tiles: Tensor, brightness: Tensor, contrast: Tensor) -> Tensor:
    """Adds brightness (B,) and scales the distance to the tile's mean by contrast (B,)."""
    mean = tiles.mean(dim=(1, 2, 3), keepdim=True)
    return ((tiles - mean) * contrast[:, None, None, None] + mean + brightness[:, None, None, None]).clamp(0, 1)


def change_hsv(tiles: Tensor, changes: Tensor) -> Tensor:
    """RGB tiles (B, 3, H, W) in 0 to 1, their hue shifted and their saturation and value changed.

    changes: (B, 3), of the hue in shares of the full circle, of both others in shares of themselves.
    """
    hue, saturation, value = _hsv(tiles)
    shift, *gains = (1 + change[:, None, None] for change in changes.T)
    saturation, value = ((part * gain).clamp(0, 1) for part, gain in zip((saturation, value), gains, strict=True))
    sixths = ((hue + shift) % 1)[:, None] * 6
    # how far each of R, G, B lies below the largest: they peak at 0, 2 and 4 sixths of the circle
    away = (sixths - torch.tensor([0.0, 2.0, 4.0]).view(3, 1, 1) + 3) % 6 - 3
    return value[:, None] * (1 - saturation[:, None] * (away.abs() - 1).clamp(0, 1))


def _hsv(tiles: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue in shares of the circle, saturation and value, (B, H, W) each; the hue of grey is 0."""
    value, largest = tiles.max(dim=1)
    chroma = value - tiles.amin(dim=1)
    red, green, blue = tiles.unbind(1)
    differences = torch.stack([green - blue, blue - red, red - green], dim=1).gather(1, largest[:, None])[:, 0]
    sixths = differences / chroma.clamp(min=1e-8) + 2 * largest
    return sixths / 6 % 1, chroma / value.clamp(min=1e-8), value

"""From pixels to what a network takes."""

import torch
from torch import Tensor

from algorithm.manifest import Normalisation


def normalise(tiles: Tensor, settings: Normalisation) -> Tensor:
    """RGB tiles (B, 3, T, T) in 0 to 1 as the network takes them; the same as the algorithm does with bytes."""
    mean, std = (torch.tensor(values, device=tiles.device).view(3, 1, 1) for values in (settings.mean, settings.std))
    return (tiles * (255 * settings.scale) - mean) / std

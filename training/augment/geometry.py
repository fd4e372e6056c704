"""Turning, scaling and flipping windows into tiles."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from training.augment.optics import blur
from training.recipe import AugmentSettings


def window_size(tile_px: int, settings: AugmentSettings) -> int:
    """The side of the window that a turned and scaled tile is cut from, px."""
    reach = max(1 / settings.scale[0], 1 / settings.scale_negatives[0])
    if settings.rotation:
        reach *= math.sqrt(2)
    return 2 * math.ceil(tile_px * reach / 2)


def cut_tiles(windows: Tensor, tile_px: int, scales: Tensor, angles: Tensor) -> Tensor:
    """The middle of each window (B, C, H, W), magnified by scales (B,) and turned by angles (B,), as (B, C, T, T)."""
    side = windows.shape[-1]
    reach = tile_px / side / scales
    cosine, sine, zero = torch.cos(angles) * reach, torch.sin(angles) * reach, torch.zeros_like(angles)
    matrices = torch.stack([torch.stack([cosine, -sine, zero], 1), torch.stack([sine, cosine, zero], 1)], 1)
    grid = F.affine_grid(matrices, [len(windows), windows.shape[1], tile_px, tile_px], align_corners=False)
    return F.grid_sample(windows, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def flip_and_turn(tiles: Tensor, generator: torch.Generator) -> Tensor:
    """Each tile in one of the eight orientations of a square, drawn uniformly."""
    turned = []
    for tile in tiles:
        quarter_turns, mirrored = (int(torch.randint(high, (1,), generator=generator)) for high in (4, 2))
        tile = torch.rot90(tile, quarter_turns, (1, 2))
        turned.append(tile.flip(2) if mirrored else tile)
    return torch.stack(turned)


def bend(tiles: Tensor, reach_px: float, sigma_px: float, bent: Tensor, generator: torch.Generator) -> Tensor:
    """Those tiles (B, C, T, T) of which `bent` (B,) is true, every pixel taken from elsewhere, near pixels from near.

    How far along each axis: noise of -1 to 1, smoothed by a Gaussian of sigma_px, times reach_px. Source: Simard et
    al., "Best practices for convolutional neural networks applied to visual document analysis", ICDAR 2003.
    """
    count, _, height, width = tiles.shape
    noise = 2 * torch.rand(count, 2, height, width, generator=generator) - 1
    moves = reach_px * torch.stack([blur(of_tile, sigma_px) for of_tile in noise]) * bent.view(-1, 1, 1, 1)
    still = torch.eye(2, 3).expand(count, 2, 3)
    grid = F.affine_grid(still, list(tiles.shape), align_corners=False)
    grid = grid + moves.permute(0, 2, 3, 1) * torch.tensor([2 / width, 2 / height])
    moved = F.grid_sample(tiles, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return torch.where(bent.view(-1, 1, 1, 1), moved, tiles)

"""Turning, scaling and flipping windows into tiles."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from algorithm.size import Size
from training.augment.optics import blur
from training.recipe import AugmentSettings


def window_size(tile_px: Size, settings: AugmentSettings) -> Size:
    """Of the window that a turned and scaled tile is cut from."""
    reach = max(1 / settings.scale[0], 1 / settings.scale_negatives[0])
    largest = math.radians(settings.rotation_degrees) if settings.rotation else 0.0
    width, height = tile_px
    halves = (_turned(*sides, largest) * reach / 2 for sides in ((width, height), (height, width)))
    return Size(*(2 * math.ceil(half) for half in halves))


def _turned(along: int, across: int, largest: float) -> float:
    """How far a rectangle reaches along its first side when it is turned by any angle up to the largest."""
    angle = min(largest, math.atan2(across, along))  # at the second its diagonal lies there
    return along * math.cos(angle) + across * math.sin(angle)


def cut_tiles(windows: Tensor, tile_px: Size, scales: Tensor, angles: Tensor) -> Tensor:
    """The middle of each window (B, C, H, W), magnified by scales (B,) and turned by angles (B,), as tiles."""
    count, channels, height, width = windows.shape
    cosine, sine, zero = torch.cos(angles), torch.sin(angles), torch.zeros_like(angles)
    # of the tile's px and of the window's, both in shares of their halves
    x_of_x, x_of_y = tile_px.width / width / scales, tile_px.height / width / scales
    y_of_x, y_of_y = tile_px.width / height / scales, tile_px.height / height / scales
    x = torch.stack([cosine * x_of_x, -sine * x_of_y, zero], 1)
    y = torch.stack([sine * y_of_x, cosine * y_of_y, zero], 1)
    grid = F.affine_grid(torch.stack([x, y], 1), [count, channels, tile_px.height, tile_px.width], align_corners=False)
    return F.grid_sample(windows, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def flip_and_turn(tiles: Tensor, generator: torch.Generator) -> Tensor:
    """Each tile in one of the eight orientations of a square, or the four of another rectangle, drawn uniformly."""
    step = 1 if tiles.shape[2] == tiles.shape[3] else 2
    turned = []
    for tile in tiles:
        turns, mirrored = (int(torch.randint(high, (1,), generator=generator)) for high in (4 // step, 2))
        tile = torch.rot90(tile, step * turns, (1, 2))
        turned.append(tile.flip(2) if mirrored else tile)
    return torch.stack(turned)


def bend(tiles: Tensor, reach_px: float, sigma_px: float, bent: Tensor, generator: torch.Generator) -> Tensor:
    """Those tiles (B, C, H, W) of which `bent` (B,) is true, every pixel taken from elsewhere, near pixels from near.

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

"""From windows of a data set to the tiles that a network trains on, as a recipe's `augment` says."""

import math

import torch
from torch import Tensor

from algorithm.size import Size
from training.augment import colour, geometry, optics
from training.augment.tissue import tissue
from training.data.sampling import Window
from training.recipe import AugmentSettings


def augmented_tiles(
    windows: list[Window], tile_px: Size, settings: AugmentSettings, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """RGB tiles (B, 3, H, W) in 0 to 1 and masks (B, K, H, W) of 0 and 1; K is 1 where windows have one mask."""
    stacked = torch.stack([_with_mask(window) for window in windows])
    scales = torch.stack([_scale(window.positive, settings, generator) for window in windows])
    reach = math.radians(settings.rotation_degrees)
    angles = _uniform(-reach, reach, len(windows), generator) * _chosen(settings.rotation, len(windows), generator)
    tiles = geometry.cut_tiles(stacked, tile_px, scales, angles)
    if settings.flips_and_turns:
        tiles = geometry.flip_and_turn(tiles, generator)
    if settings.elastic:
        bent = _chosen(settings.elastic, len(tiles), generator)
        tiles = geometry.bend(tiles, settings.elastic_px, settings.elastic_sigma_px, bent, generator)
    pixels, masks = tiles[:, :3], (tiles[:, 3:] > 0.5).float()
    darkening = torch.stack([_darkening(window.positive, settings, generator) for window in windows])
    vectors = torch.stack([colour.stain_vectors(window.stains) for window in windows])
    pixels = _change_colour(pixels, vectors, darkening, settings, generator)
    return torch.stack([_change_optics(tile, settings, generator) for tile in pixels]), masks


def _with_mask(window: Window) -> Tensor:
    """(3 + K, H, W): R, G, B in 0 to 1 and the masks."""
    pixels = torch.from_numpy(window.pixels).permute(2, 0, 1).float() / 255
    return torch.cat([pixels, torch.from_numpy(window.mask).float().view(-1, *pixels.shape[1:])])


def _scale(positive: bool, settings: AugmentSettings, generator: torch.Generator) -> Tensor:
    """A magnification, uniform in its logarithm."""
    low, high = settings.scale if positive else settings.scale_negatives
    bounds = torch.tensor([low, high]).log()
    return _uniform(float(bounds[0]), float(bounds[1]), 1, generator).exp()[0]


def _darkening(positive: bool, settings: AugmentSettings, generator: torch.Generator) -> Tensor:
    """The factor of all stains that only negatives have; its range says how much lighter or darker they may be."""
    low, high = (1.0, 1.0) if positive else settings.stain_gain_negatives
    return _uniform(low, high, 1, generator)[0]


def _change_colour(
    tiles: Tensor, vectors: Tensor, darkening: Tensor, settings: AugmentSettings, generator: torch.Generator
) -> Tensor:
    count = len(tiles)
    gains, shifts = _stain_changes(count, settings, generator)
    brightness = settings.brightness * _uniform(-1, 1, count, generator)
    contrast = 1 + settings.contrast * _uniform(-1, 1, count, generator)
    where = tissue(tiles, settings.stain_lightness) if settings.stain_pair else None
    tiles = colour.change_stains(tiles, vectors, gains * darkening[:, None], shifts, where)
    tiles = colour.change_brightness_and_contrast(tiles, brightness, contrast)
    if not (settings.hue or settings.saturation or settings.value):
        return tiles
    spread = torch.tensor([settings.hue, settings.saturation, settings.value])
    return colour.change_hsv(tiles, spread * _uniform(-1, 1, 3 * count, generator).view(count, 3))


def _stain_changes(count: int, settings: AugmentSettings, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Gains and shifts (count, 3) of haematoxylin, eosin and what is neither."""
    changed = _chosen(settings.stain, 3 * count, generator).view(count, 3)
    if settings.stain_pair:
        changed = changed[:, :1].expand(count, 3)
    gains = 1 + settings.stain_gain * _uniform(-1, 1, 3 * count, generator).view(count, 3) * changed
    shifts = settings.stain_shift * _uniform(-1, 1, 3 * count, generator).view(count, 3) * changed
    if settings.stain_pair:
        gains[:, 2], shifts[:, 2] = 1.0 - changed[:, 2].float(), 0.0
    return gains, shifts


def _change_optics(tile: Tensor, settings: AugmentSettings, generator: torch.Generator) -> Tensor:
    if _chosen(settings.blur, 1, generator):
        tile = optics.blur(tile, float(_uniform(*settings.blur_sigma_px, 1, generator)))
    if _chosen(settings.coarser, 1, generator):
        tile = optics.coarsen(tile, float(_uniform(*settings.coarser_factor, 1, generator)))
    if _chosen(settings.jpeg, 1, generator):
        tile = optics.compress(tile, round(float(_uniform(*settings.jpeg_quality, 1, generator))))
    return tile


def _uniform(low: float, high: float, count: int, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)


def _chosen(probability: float, count: int, generator: torch.Generator) -> Tensor:
    """(count,) bool, each true with that probability."""
    return torch.rand(count, generator=generator) < probability

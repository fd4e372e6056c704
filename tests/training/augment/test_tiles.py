"""Windows to tiles: nothing where nothing is asked for, the same for the same generator, masks with their pixels."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from algorithm.size import Size
from algorithm.stain import RUIFROK, StainMatrix
from tests.arrays import GLASS, STROMA, paint_ellipse, plain
from training.augment.geometry import window_size
from training.augment.tiles import augmented_tiles
from training.data.masks import disk_mask
from training.data.sampling import Window
from training.recipe import AugmentSettings

SIZE = Size.square(32)
OFF = AugmentSettings(flips_and_turns=False)
EVERYTHING = AugmentSettings(
    rotation=1,
    scale=(0.8, 1.25),
    scale_negatives=(0.7, 1.5),
    stain=1,
    stain_gain=0.2,
    stain_shift=0.05,
    brightness=0.1,
    contrast=0.1,
    blur=1,
    coarser=1,
    jpeg=1,
)


PUBLISHED = OFF.model_copy(
    update={"stain": 1, "stain_model": "vahadane", "stain_pair": True, "stain_gain": 0.4, "stain_shift": 0.2}
)
VECTORS = np.array([[0.45, 0.80, 0.40], [0.16, 0.82, 0.55]])
STAINS = StainMatrix(VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True), "vahadane")


def window(size: Size, positive: bool = True, seed: int = 0) -> Window:
    rng = np.random.default_rng(seed)
    mask = (rng.random((size.height, size.width)) < 0.2).astype(np.uint8)
    return Window(rng.integers(1, 256, (size.height, size.width, 3), dtype=np.uint8), mask, positive)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_everything_off_is_the_identity() -> None:
    windows = [window(SIZE, seed=number) for number in range(3)]
    tiles, masks = augmented_tiles(windows, SIZE, OFF, generator())
    expected = np.stack([one.pixels for one in windows]).transpose(0, 3, 1, 2) / 255
    np.testing.assert_allclose(tiles.numpy(), expected, atol=2e-5)
    np.testing.assert_array_equal(masks.numpy()[:, 0], np.stack([one.mask for one in windows]))


@pytest.mark.parametrize("size", [SIZE, Size(48, 32)])
@pytest.mark.parametrize("settings", [OFF, EVERYTHING])
def test_tiles_and_masks_have_their_shape_and_range(settings: AugmentSettings, size: Size) -> None:
    larger = window_size(size, settings)
    tiles, masks = augmented_tiles([window(larger), window(larger, False)], size, settings, generator())
    assert (tiles.shape, masks.shape) == ((2, 3, 32, size.width), (2, 1, 32, size.width))
    assert (tiles.dtype, masks.dtype) == (torch.float32, torch.float32)
    assert tiles.min() >= 0
    assert tiles.max() <= 1
    assert set(masks.unique().tolist()) == {0.0, 1.0}


def test_the_generator_decides_everything() -> None:
    windows = [window(window_size(SIZE, EVERYTHING), seed=number) for number in range(3)]
    first, again, other = (augmented_tiles(windows, SIZE, EVERYTHING, generator(seed)) for seed in (5, 5, 6))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


@pytest.mark.parametrize("change", ["stain", "brightness", "contrast", "blur", "coarser", "jpeg", "flips_and_turns"])
def test_each_change_changes_something(change: str) -> None:
    """The masks only where the pixels move."""
    settings = OFF.model_copy(update={change: 1, "stain_gain": 0.3 if change == "stain" else 0})
    windows = [window(SIZE, seed=number) for number in range(4)]
    plain_tiles, plain_masks = augmented_tiles(windows, SIZE, OFF, generator())
    tiles, masks = augmented_tiles(windows, SIZE, settings, generator())
    assert (tiles - plain_tiles).abs().max() > 0.02
    assert torch.equal(masks, plain_masks) is (change != "flips_and_turns")


@pytest.mark.parametrize("seed", range(6))
def test_masks_move_with_their_pixels(seed: int) -> None:
    """A dark dot stays under its mask, and round, however the tile is turned, scaled and flipped."""
    settings = AugmentSettings(rotation=1, scale=(0.7, 1.5))
    size = Size(80, 64)
    width, height = window_size(size, settings)
    x, y, radius = width // 2 + 9, height // 2 - 6, 8
    pixels = plain(width, height, STROMA)
    paint_ellipse(pixels, x, y, radius, radius, (0, 0, 0))
    mask = disk_mask(np.array([[x, y]], float), 0, 0, width, height, radius)
    tiles, masks = augmented_tiles([Window(pixels, mask, True)], size, settings, generator(seed))
    dark = tiles[:, 1:2] < STROMA[1] / 255 / 2
    assert dark.sum() > 80
    overlap = (dark & (masks > 0)).sum() / (dark | (masks > 0)).sum()
    assert overlap > 0.9
    rows, columns = (np.ptp(of_axis) for of_axis in np.nonzero(dark[0, 0].numpy()))
    assert abs(rows - columns) <= 2


def test_positives_and_negatives_have_their_own_scales() -> None:
    settings = OFF.model_copy(update={"scale": (1.0, 1.0), "scale_negatives": (2.0, 2.0)})
    pixels = plain(32, 32)
    mask = disk_mask(np.array([[16.0, 16.0]]), 0, 0, 32, 32, 5)
    windows = [Window(pixels, mask, positive) for positive in (True, False)]
    _, masks = augmented_tiles(windows, SIZE, settings, generator())
    assert masks[0].sum() == mask.sum()
    assert float(masks[1].sum() / mask.sum()) == pytest.approx(4, rel=0.1)


def test_windows_are_left_alone() -> None:
    given = window(window_size(SIZE, EVERYTHING))
    pixels, mask = given.pixels.copy(), given.mask.copy()
    augmented_tiles([given], SIZE, EVERYTHING, generator())
    np.testing.assert_array_equal(given.pixels, pixels)
    np.testing.assert_array_equal(given.mask, mask)


def stained_window() -> Window:
    """32 px, grains of both stains, and glass on the left."""
    amounts = np.random.default_rng(0).random((32, 32, 2)) + 0.2
    pixels = (255 * np.exp(-amounts @ STAINS.vectors)).round().astype(np.uint8)
    pixels[:, :10] = GLASS
    return Window(pixels, np.zeros((32, 32), np.uint8), True, STAINS)


def amounts_of(tiles: torch.Tensor) -> np.ndarray:
    """(B, N, 2) of the tissue of stained windows' tiles."""
    density = -np.log(tiles[..., 10:].flatten(2).transpose(1, 2).numpy())
    return density @ np.linalg.pinv(STAINS.vectors)


def test_the_published_change_is_one_line_per_stain() -> None:
    """I' = 255 exp(-(alpha C + beta) S): alpha within 0.4 of 1 and beta within 0.2 of 0, each stain's its own."""
    windows = [stained_window()] * 60
    tiles, _ = augmented_tiles(windows, SIZE, PUBLISHED, generator())
    plain_tiles, _ = augmented_tiles(windows[:1], SIZE, OFF, generator())
    np.testing.assert_array_equal(tiles[..., :10], plain_tiles[..., :10].expand(60, 3, 32, 10))
    before, after = amounts_of(plain_tiles)[0], amounts_of(tiles)
    lines = np.array([[np.polyfit(before[:, k], tile[:, k], 1) for k in (0, 1)] for tile in after])
    alphas, betas = lines[..., 0], lines[..., 1]
    assert (0.6 <= alphas.min() < 0.65, 1.35 < alphas.max() <= 1.4) == (True, True)
    assert (-0.2 <= betas.min() < -0.17, 0.17 < betas.max() <= 0.2) == (True, True)
    fitted = before[None] * alphas[:, None] + betas[:, None]
    inside = (tiles[..., 10:].flatten(2) < 1).all(dim=1).numpy()  # not clipped at white
    np.testing.assert_allclose(after[inside], fitted[inside], atol=0.02)
    assert np.abs(np.corrcoef(np.concatenate([alphas, betas], axis=1).T) - np.eye(4)).max() < 0.4


def test_the_published_change_is_of_both_stains_or_of_none() -> None:
    windows = [stained_window()] * 200
    half = PUBLISHED.model_copy(update={"stain": 0.5})
    tiles, _ = augmented_tiles(windows, SIZE, half, generator())
    plain_tiles, _ = augmented_tiles(windows[:1], SIZE, OFF, generator())
    moved = np.abs(amounts_of(tiles).mean(axis=1) - amounts_of(plain_tiles).mean(axis=1))
    unchanged = (moved < 1e-4).sum(axis=1)
    assert set(unchanged) == {0, 2}
    assert 0.4 < (unchanged == 0).mean() < 0.6


def test_the_published_change_of_nothing_is_the_image_in_two_stains() -> None:
    """Chosen, but neither gained nor shifted, so that only what is neither stain goes.

    That is a little rounding, and much with stains that are not the tile's.
    """
    settings = PUBLISHED.model_copy(update={"stain_gain": 0.0, "stain_shift": 0.0})
    windows = [stained_window(), replace(stained_window(), stains=RUIFROK)]
    tiles, _ = augmented_tiles(windows, SIZE, settings, generator())
    plain_tiles, _ = augmented_tiles(windows, SIZE, OFF, generator())
    own, foreign = (tiles - plain_tiles).abs().amax((1, 2, 3)) * 255
    assert 0.1 < own < 2
    assert foreign > 20


def test_stains_of_their_own_change_tiles_apart() -> None:
    """Without the pair each of three directions is chosen by itself, whosever the vectors, and glass changes too."""
    settings = PUBLISHED.model_copy(update={"stain": 0.5, "stain_pair": False})
    tiles, _ = augmented_tiles([stained_window()] * 100, SIZE, settings, generator())
    plain_tiles, _ = augmented_tiles([stained_window()], SIZE, OFF, generator())
    moved = np.abs(amounts_of(tiles).mean(axis=1) - amounts_of(plain_tiles).mean(axis=1))
    assert set((moved < 1e-4).sum(axis=1)) == {0, 1, 2}
    assert (tiles[..., :10] - plain_tiles[..., :10]).abs().max() > 0.01

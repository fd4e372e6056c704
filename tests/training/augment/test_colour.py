"""Changes of stain on mixtures whose amounts of stain are known."""

import colorsys
import itertools

import numpy as np
import pytest
import torch

from algorithm.stain import RUIFROK, StainMatrix
from training.augment.colour import change_brightness_and_contrast, change_hsv, change_stains, stain_vectors

ONE, ZERO = torch.ones(1, 3), torch.zeros(1, 3)


# Ruifrok and Johnston 2001, table 1: haematoxylin and eosin in R, G, B, and what is at right angles to both.
HE = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
VECTORS = np.vstack([HE, np.cross(*HE)])
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)
FIXED = stain_vectors(RUIFROK)[None]
MEASURED = np.array([[0.45, 0.80, 0.40], [0.16, 0.82, 0.55]])
MEASURED /= np.linalg.norm(MEASURED, axis=1, keepdims=True)
OTHER = stain_vectors(StainMatrix(MEASURED, "vahadane"))[None]
AMOUNTS = np.random.default_rng(0).random((8, 8, 3)) * (1.0, 1.0, 0.1) + 0.1


def stained(gains: tuple[float, float, float] = (1, 1, 1)) -> torch.Tensor:
    """(1, 3, 8, 8): mixtures of the stains, AMOUNTS times the gains, after Lambert and Beer."""
    return torch.from_numpy(np.exp(-(AMOUNTS * gains) @ VECTORS)).permute(2, 0, 1)[None].float()


def noise() -> torch.Tensor:
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 0.99 + 0.01


def test_stains_are_haematoxylin_eosin_and_what_is_orthogonal() -> None:
    np.testing.assert_allclose(FIXED[0], VECTORS, atol=1e-6)
    np.testing.assert_allclose(OTHER[0, :2], MEASURED, atol=1e-6)
    np.testing.assert_allclose(OTHER[0] @ OTHER[0, 2], [0, 0, 1], atol=1e-6)


def test_no_change_of_stain_is_none() -> None:
    tiles = noise()
    changed = change_stains(tiles, torch.cat([FIXED, OTHER]), torch.ones(2, 3), torch.zeros(2, 3))
    torch.testing.assert_close(changed, tiles, rtol=0, atol=1e-5)


@pytest.mark.parametrize("gains", [(1.3, 1.0, 1.0), (0.8, 1.2, 1.0), (1.1, 0.7, 0.9)])
def test_gains_multiply_the_amounts_of_stain(gains: tuple[float, float, float]) -> None:
    changed = change_stains(stained(), FIXED, torch.tensor([gains]), ZERO)
    torch.testing.assert_close(changed, stained(gains), rtol=0, atol=1e-5)


def test_each_tile_has_its_own_vectors() -> None:
    tiles, gains, shifts = noise(), torch.tensor([[1.3, 0.8, 1.0], [0.7, 1.2, 0.0]]), torch.full((2, 3), 0.05)
    together = change_stains(tiles, torch.cat([FIXED, OTHER]), gains, shifts)
    for number, vectors in enumerate((FIXED, OTHER)):
        part = slice(number, number + 1)
        alone = change_stains(tiles[part], vectors, gains[part], shifts[part])
        torch.testing.assert_close(together[part], alone, rtol=0, atol=1e-6)


def test_a_gain_of_0_drops_what_is_neither_stain() -> None:
    """What is left is the least squares reconstruction of rank 2."""
    tiles, without = noise(), torch.tensor([[1.0, 1.0, 0.0]] * 2)
    density = -np.log(tiles.permute(0, 2, 3, 1).numpy())
    expected = np.exp(-density @ np.linalg.pinv(MEASURED) @ MEASURED).clip(0, 1)
    changed = change_stains(tiles, OTHER.expand(2, 3, 3), without, torch.zeros(2, 3))
    np.testing.assert_allclose(changed.permute(0, 2, 3, 1), expected, atol=1e-5)


def test_fixed_stains_change_as_in_the_released_run() -> None:
    """To the last bit, and in the same order of channels in memory, which decides how a tile's mean is rounded."""
    tiles, gains, shifts = noise(), torch.rand(2, 3, generator=torch.Generator().manual_seed(2)) + 0.5, torch.rand(2, 3)
    first, second = (torch.tensor(row) / torch.tensor(row).norm() for row in ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11)))
    third = torch.linalg.cross(first, second)
    vectors = torch.stack([first, second, third / third.norm()])
    absorbance = -torch.log(tiles.clamp(min=1 / 255))
    stains = torch.einsum("bchw,cs->bshw", absorbance, torch.linalg.inv(vectors))
    stains = stains * gains[:, :, None, None] + shifts[:, :, None, None] * (absorbance.mean(1, keepdim=True) > 0.1)
    expected = torch.exp(-torch.einsum("bshw,sc->bchw", stains, vectors)).clamp(0, 1)
    changed = change_stains(tiles, FIXED.expand(2, 3, 3), gains, shifts)
    assert torch.equal(changed, expected)
    assert changed.stride() == expected.stride()


@pytest.mark.parametrize("vectors", [FIXED, OTHER])
@pytest.mark.parametrize("stain", [0, 1])
def test_more_stain_is_darker(stain: int, vectors: torch.Tensor) -> None:
    means = []
    for gain in (0.5, 0.8, 1.0, 1.3, 2.0):
        gains = ONE.clone()
        gains[0, stain] = gain
        means.append(float(change_stains(stained(), vectors, gains, ZERO).mean()))
    assert means == sorted(means, reverse=True)
    assert means[0] - means[-1] > 0.05


def test_a_shift_adds_stain_to_tissue_and_leaves_glass() -> None:
    tiles = stained()
    tiles[..., 0, 0] = 0.97
    changed = change_stains(tiles, FIXED, ONE, torch.tensor([[0.2, 0.0, 0.0]]))
    torch.testing.assert_close(changed[..., 0, 0], tiles[..., 0, 0])
    ratio = changed[..., 1:, :] / tiles[..., 1:, :]
    expected = torch.exp(-0.2 * FIXED[0, 0]).view(1, 3, 1, 1).expand_as(ratio)
    torch.testing.assert_close(ratio, expected, rtol=1e-4, atol=1e-4)


def test_stains_change_where_they_may_and_nowhere_else() -> None:
    tiles, gains, shifts = stained(), torch.tensor([[1.4, 0.7, 0.0]]), torch.tensor([[0.2, 0.1, 0.0]])
    where = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(3)) < 0.5
    changed = change_stains(tiles, OTHER, gains, shifts, where)
    everywhere = change_stains(tiles, OTHER, gains, shifts)
    assert torch.equal(changed, torch.where(where[:, None], everywhere, tiles))
    assert (everywhere - tiles).abs().amax(1).min() > 0.002


def test_brightness_moves_the_mean_and_contrast_keeps_it() -> None:
    tiles = noise() * 0.4 + 0.3
    none = torch.zeros(2)
    brighter = change_brightness_and_contrast(tiles, torch.tensor([0.1, -0.1]), none + 1)
    torch.testing.assert_close(brighter, tiles + torch.tensor([0.1, -0.1]).view(2, 1, 1, 1))
    flatter = change_brightness_and_contrast(tiles, none, none + 0.5)
    torch.testing.assert_close(flatter.mean(dim=(1, 2, 3)), tiles.mean(dim=(1, 2, 3)))
    torch.testing.assert_close(flatter.std(dim=(1, 2, 3)), 0.5 * tiles.std(dim=(1, 2, 3)))


def test_values_stay_between_0_and_1() -> None:
    strong = change_stains(noise(), OTHER.expand(2, 3, 3), torch.full((2, 3), 5.0), torch.full((2, 3), -1.0))
    bright = change_brightness_and_contrast(noise(), torch.tensor([0.9, -0.9]), torch.tensor([3.0, 3.0]))
    for tiles in (strong, bright):
        assert tiles.min() >= 0
        assert tiles.max() <= 1


def test_inputs_are_left_alone() -> None:
    tiles = noise()
    before = tiles.clone()
    where = torch.ones(2, 16, 16, dtype=torch.bool)
    change_stains(tiles, FIXED.expand(2, 3, 3), torch.full((2, 3), 1.5), torch.full((2, 3), 0.1), where)
    change_brightness_and_contrast(tiles, torch.full((2,), 0.2), torch.full((2,), 1.4))
    assert torch.equal(tiles, before)


def test_hue_saturation_and_value_are_those_of_the_standard_library() -> None:
    tiles = torch.rand((2, 3, 4, 5), generator=torch.Generator().manual_seed(0))
    tiles[0, :, 0, 0] = 0.5  # grey
    tiles[0, :, 0, 1] = 0.0
    changes = torch.tensor([[0.1, -0.2, 0.15], [-0.07, 0.2, -0.2]])
    found = change_hsv(tiles, changes)
    for index, (hue_by, saturation_by, value_by) in enumerate(changes.tolist()):
        for y, x in itertools.product(range(4), range(5)):
            hue, saturation, value = colorsys.rgb_to_hsv(*tiles[index, :, y, x].tolist())
            changed = (hue + hue_by) % 1, min(saturation * (1 + saturation_by), 1), min(value * (1 + value_by), 1)
            assert found[index, :, y, x].tolist() == pytest.approx(colorsys.hsv_to_rgb(*changed), abs=1e-5)
    assert change_hsv(tiles, torch.zeros(2, 3)).numpy() == pytest.approx(tiles.numpy(), abs=1e-6)

"""Changes of stain on mixtures whose amounts of stain are known."""

import numpy as np
import pytest
import torch

from training.augment.colour import change_brightness_and_contrast, change_stains, stain_vectors

ONE, ZERO = torch.ones(1, 3), torch.zeros(1, 3)


# Ruifrok and Johnston 2001, table 1: haematoxylin and eosin in R, G, B, and what is at right angles to both.
HE = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
VECTORS = np.vstack([HE, np.cross(*HE)])
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)
AMOUNTS = np.random.default_rng(0).random((8, 8, 3)) * (1.0, 1.0, 0.1) + 0.1


def stained(gains: tuple[float, float, float] = (1, 1, 1)) -> torch.Tensor:
    """(1, 3, 8, 8): mixtures of the stains, AMOUNTS times the gains, after Lambert and Beer."""
    return torch.from_numpy(np.exp(-(AMOUNTS * gains) @ VECTORS)).permute(2, 0, 1)[None].float()


def noise() -> torch.Tensor:
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 0.99 + 0.01


def test_stains_are_haematoxylin_eosin_and_what_is_orthogonal() -> None:
    np.testing.assert_allclose(stain_vectors(), VECTORS, atol=1e-6)


def test_no_change_of_stain_is_none() -> None:
    tiles = noise()
    changed = change_stains(tiles, torch.ones(2, 3), torch.zeros(2, 3))
    torch.testing.assert_close(changed, tiles, rtol=0, atol=1e-5)


@pytest.mark.parametrize("gains", [(1.3, 1.0, 1.0), (0.8, 1.2, 1.0), (1.1, 0.7, 0.9)])
def test_gains_multiply_the_amounts_of_stain(gains: tuple[float, float, float]) -> None:
    changed = change_stains(stained(), torch.tensor([gains]), ZERO)
    torch.testing.assert_close(changed, stained(gains), rtol=0, atol=1e-5)


@pytest.mark.parametrize("stain", [0, 1])
def test_more_stain_is_darker(stain: int) -> None:
    means = []
    for gain in (0.5, 0.8, 1.0, 1.3, 2.0):
        gains = ONE.clone()
        gains[0, stain] = gain
        means.append(float(change_stains(stained(), gains, ZERO).mean()))
    assert means == sorted(means, reverse=True)
    assert means[0] - means[-1] > 0.05


def test_a_shift_adds_stain_to_tissue_and_leaves_glass() -> None:
    tiles = stained()
    tiles[..., 0, 0] = 0.97
    changed = change_stains(tiles, ONE, torch.tensor([[0.2, 0.0, 0.0]]))
    torch.testing.assert_close(changed[..., 0, 0], tiles[..., 0, 0])
    ratio = changed[..., 1:, :] / tiles[..., 1:, :]
    expected = torch.exp(-0.2 * stain_vectors()[0]).view(1, 3, 1, 1).expand_as(ratio)
    torch.testing.assert_close(ratio, expected, rtol=1e-4, atol=1e-4)


def test_brightness_moves_the_mean_and_contrast_keeps_it() -> None:
    tiles = noise() * 0.4 + 0.3
    none = torch.zeros(2)
    brighter = change_brightness_and_contrast(tiles, torch.tensor([0.1, -0.1]), none + 1)
    torch.testing.assert_close(brighter, tiles + torch.tensor([0.1, -0.1]).view(2, 1, 1, 1))
    flatter = change_brightness_and_contrast(tiles, none, none + 0.5)
    torch.testing.assert_close(flatter.mean(dim=(1, 2, 3)), tiles.mean(dim=(1, 2, 3)))
    torch.testing.assert_close(flatter.std(dim=(1, 2, 3)), 0.5 * tiles.std(dim=(1, 2, 3)))


def test_values_stay_between_0_and_1() -> None:
    strong = change_stains(noise(), torch.full((2, 3), 5.0), torch.full((2, 3), -1.0))
    bright = change_brightness_and_contrast(noise(), torch.tensor([0.9, -0.9]), torch.tensor([3.0, 3.0]))
    for tiles in (strong, bright):
        assert tiles.min() >= 0
        assert tiles.max() <= 1


def test_inputs_are_left_alone() -> None:
    tiles = noise()
    before = tiles.clone()
    change_stains(tiles, torch.full((2, 3), 1.5), torch.full((2, 3), 0.1))
    change_brightness_and_contrast(tiles, torch.full((2,), 0.2), torch.full((2,), 1.4))
    assert torch.equal(tiles, before)

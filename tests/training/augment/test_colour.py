"""Changes of stain against scikit-image's colour deconvolution."""

import numpy as np
import pytest
import torch
from skimage.color import combine_stains, rgb_from_hed, separate_stains

from training.augment.colour import change_brightness_and_contrast, change_stains, stain_vectors

ONE, ZERO = torch.ones(1, 3), torch.zeros(1, 3)


def stained() -> torch.Tensor:
    """(1, 3, 8, 8): mixtures of haematoxylin and eosin, with some of the third stain."""
    amounts = torch.rand(8, 8, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 1.0, 0.1]) + 0.1
    return torch.exp(-amounts @ stain_vectors()).permute(2, 0, 1)[None]


def noise() -> torch.Tensor:
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 0.99 + 0.01


def test_stains_are_haematoxylin_eosin_and_what_is_orthogonal() -> None:
    vectors = stain_vectors()
    published = rgb_from_hed[:2] / np.linalg.norm(rgb_from_hed[:2], axis=1, keepdims=True)
    np.testing.assert_allclose(vectors[:2], published, atol=1e-6)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(vectors[2] @ vectors[:2].T, torch.zeros(2), rtol=0, atol=1e-6)


def test_no_change_of_stain_is_none() -> None:
    tiles = noise()
    changed = change_stains(tiles, torch.ones(2, 3), torch.zeros(2, 3))
    torch.testing.assert_close(changed, tiles, rtol=0, atol=1e-5)


@pytest.mark.parametrize("gains", [(1.3, 1.0, 1.0), (0.8, 1.2, 1.0), (1.1, 0.7, 0.9)])
def test_gains_are_those_of_colour_deconvolution(gains: tuple[float, float, float]) -> None:
    tiles = stained()
    vectors = stain_vectors().double().numpy()
    amounts = separate_stains(tiles[0].permute(1, 2, 0).double().numpy(), np.linalg.inv(vectors))
    expected = combine_stains(amounts * gains, vectors)
    changed = change_stains(tiles, torch.tensor([gains]), ZERO)[0].permute(1, 2, 0)
    np.testing.assert_allclose(changed.numpy(), expected, atol=1e-4)


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

"""Blur against SciPy's, coarsening against plain averages, compression against Pillow's."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from training.augment.optics import blur, coarsen, compress


def noise(side: int = 32) -> torch.Tensor:
    return torch.rand(3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("sigma_px", [0.4, 1.0, 1.7])
def test_blur_is_scipys(sigma_px: float) -> None:
    tile = noise()
    radius = max(1, round(3 * sigma_px))
    expected = gaussian_filter(tile.numpy(), (0, sigma_px, sigma_px), mode="mirror", radius=(0, radius, radius))
    np.testing.assert_allclose(blur(tile, sigma_px).numpy(), expected, atol=1e-5)


def test_blur_keeps_the_mean() -> None:
    torch.testing.assert_close(blur(torch.full((3, 16, 16), 0.3), 1.5), torch.full((3, 16, 16), 0.3))
    dot = torch.zeros(3, 33, 33)
    dot[:, 16, 16] = 1
    torch.testing.assert_close(blur(dot, 1.5).sum(dim=(1, 2)), torch.ones(3))
    assert blur(dot, 1.5)[0, 16, 16] < 0.1


def test_a_coarser_scanner_loses_detail_and_keeps_the_mean() -> None:
    stripes = (torch.arange(32) % 2).float().expand(3, 32, 32)
    coarse = coarsen(stripes, 2.0)
    assert coarse.shape == stripes.shape
    torch.testing.assert_close(coarse, torch.full_like(stripes, 0.5), rtol=0, atol=0.13)
    assert coarse[:, 4:-4, 4:-4].std() < 0.1 * stripes.std()
    torch.testing.assert_close(coarsen(torch.full((3, 20, 20), 0.7), 1.7), torch.full((3, 20, 20), 0.7))


def test_the_same_pixel_size_loses_nothing() -> None:
    torch.testing.assert_close(coarsen(noise(), 1.0), noise(), rtol=0, atol=1e-5)


def test_coarsening_stays_between_0_and_1() -> None:
    edge = torch.cat([torch.zeros(3, 32, 16), torch.ones(3, 32, 16)], dim=2)
    coarse = coarsen(edge, 2.3)
    assert coarse.min() >= 0
    assert coarse.max() <= 1


@pytest.mark.parametrize("quality", [40, 90])
def test_compression_is_pillows(quality: int) -> None:
    tile = (noise() * 255).round() / 255
    file = io.BytesIO()
    Image.fromarray((tile.permute(1, 2, 0) * 255).round().byte().numpy()).save(file, "JPEG", quality=quality)
    expected = np.asarray(Image.open(file)) / 255
    np.testing.assert_allclose(compress(tile, quality).permute(1, 2, 0).numpy(), expected, atol=1e-6)


def test_a_lower_quality_loses_more() -> None:
    tile = blur(noise(64), 1.0)
    lost = [float((compress(tile, quality) - tile).square().mean()) for quality in (95, 70, 40, 10)]
    assert lost == sorted(lost)
    assert lost[0] < lost[-1]


def test_inputs_are_left_alone() -> None:
    tile = noise()
    for change in (lambda t: blur(t, 1.0), lambda t: coarsen(t, 2.0), lambda t: compress(t, 50)):
        change(tile)
        assert torch.equal(tile, noise())

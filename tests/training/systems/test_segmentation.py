"""Losses in closed form and against torch's, and a network that learns one batch."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from algorithm.manifest import InputSettings
from tests.training.drawing import tiny_recipe
from training.loss_settings import LossSettings
from training.models.vm_unet import VMUNet
from training.normalise import normalise
from training.systems.segmentation import TilePredictor, dice_loss, focal_loss, loss

PIXELS, FIGURE = 2 * 10 * 10, 30


def half_sure() -> tuple[Tensor, Tensor]:
    """Logits of 0 everywhere, 200 pixels of which 30 are figure."""
    masks = torch.zeros(PIXELS)
    masks[:FIGURE] = 1
    return torch.zeros(2, 1, 10, 10), masks.view(2, 1, 10, 10)


def random_pair() -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    return 3 * torch.randn(2, 1, 10, 10, generator=rng), (torch.rand(2, 1, 10, 10, generator=rng) < 0.2).float()


def test_dice_in_closed_form() -> None:
    expected = 1 - (2 * 0.5 * FIGURE + 1) / (0.25 * PIXELS + FIGURE + 1)
    assert dice_loss(*half_sure()).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("alpha", "gamma"), [(0.25, 2.0), (0.5, 0.0), (0.9, 3.0)])
def test_focal_in_closed_form(alpha: float, gamma: float) -> None:
    share = (alpha * FIGURE + (1 - alpha) * (PIXELS - FIGURE)) / PIXELS
    expected = share * 0.5**gamma * math.log(2)
    assert focal_loss(*half_sure(), alpha, gamma).item() == pytest.approx(expected, abs=1e-6)


def test_focal_without_focus_is_half_the_cross_entropy() -> None:
    logits, masks = random_pair()
    expected = F.binary_cross_entropy_with_logits(logits, masks) / 2
    torch.testing.assert_close(focal_loss(logits, masks, 0.5, 0.0), expected)


def test_focus_is_on_what_is_wrong() -> None:
    """The pixel of p_t = 0.9 loses (1 - 0.9)^2 of its cross entropy."""
    logit = torch.full((1, 1, 1, 1), math.log(9))
    found = focal_loss(logit, torch.ones(1, 1, 1, 1), 0.25, 2.0).item()
    assert found == pytest.approx(0.25 * 0.01 * -math.log(0.9), rel=1e-4)


def test_the_loss_is_the_weighted_sum() -> None:
    logits, masks = random_pair()
    found = loss(logits, masks, LossSettings(dice=2, focal=5, focal_alpha=0.3, focal_gamma=1))
    torch.testing.assert_close(found, 2 * dice_loss(logits, masks) + 5 * focal_loss(logits, masks, 0.3, 1))


def test_the_loss_is_in_float32() -> None:
    """The sums of a batch in bfloat16 would be wrong by percents."""
    logits, masks = (part.repeat(40, 1, 8, 8) for part in random_pair())
    half = logits.bfloat16()
    found = loss(half, masks, LossSettings())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, loss(half.float(), masks, LossSettings()))


def test_the_truth_loses_nothing_and_its_opposite_most() -> None:
    _, masks = random_pair()
    sure = 40 * (masks - 0.5)
    assert loss(sure, masks, LossSettings()).item() == pytest.approx(0, abs=1e-6)
    assert dice_loss(-sure, masks).item() > 0.98


@pytest.mark.parametrize("filling", [0.0, 1.0])
@pytest.mark.parametrize("size", [-100.0, 0.0, 100.0])
def test_empty_and_full_masks_are_finite(filling: float, size: float) -> None:
    logits = torch.full((2, 1, 8, 8), size, requires_grad=True)
    value = loss(logits, torch.full((2, 1, 8, 8), filling), LossSettings())
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()


def test_dice_is_of_the_batch() -> None:
    """A tile without figures does not halve the loss of one with."""
    logits, masks = random_pair()
    separate = torch.stack([dice_loss(logits[:1], masks[:1]), dice_loss(logits[1:], masks[1:])]).mean()
    assert abs(float(dice_loss(logits, masks) - separate)) > 1e-4


def test_one_batch_is_learnt() -> None:
    torch.manual_seed(0)
    depths = (1, 1, 1, 1)
    network = VMUNet(width=8, depths=depths, decoder_depths=depths, state_size=2, drop_path=0.0)
    masks = torch.zeros(2, 1, 32, 32)
    masks[0, :, 8:20, 8:20] = 1
    tiles = torch.rand(2, 3, 32, 32) + 1 - 3 * masks
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(80):
        value = loss(network(tiles), masks, LossSettings())
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(value.item())
    assert losses[0] > 0.8
    assert losses[-1] < 0.4


class FirstChannel(nn.Module):
    """The normalised red channel as the logit."""

    def forward(self, images: Tensor) -> Tensor:
        assert not self.training
        return images[:, :1]


def normalised(values: np.ndarray, settings: InputSettings) -> np.ndarray:
    """The manifest's definition for bytes (..., 3)."""
    return (values * settings.scale - np.array(settings.mean)) / np.array(settings.std)


def test_training_normalises_as_the_manifest_says() -> None:
    settings = tiny_recipe().input.model_copy(update={"scale": 2 / 255})
    values = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3))
    tiles = torch.from_numpy(values).permute(0, 3, 1, 2).float() / 255
    expected = normalised(values, settings).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(normalise(tiles, settings).numpy(), expected, atol=1e-5)


def test_a_network_predicts_as_an_ensemble_of_one() -> None:
    settings = tiny_recipe().input
    tiles = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    predict = TilePredictor(FirstChannel(), settings, torch.device("cpu"))
    logits = normalised(tiles, settings)[None, ..., 0]
    np.testing.assert_allclose(predict.logits(tiles), logits, atol=1e-5)
    probabilities = predict(tiles)
    assert probabilities.shape == (1, 3, 32, 32)
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-logits)), atol=1e-5)

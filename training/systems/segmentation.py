"""The segmentation system: VM-UNet's losses and its way of being validated.

Source: Percannella et al., "Mitosis detection in domain shift scenarios: a Mamba-based approach" (MIDOG 2025):
Dice (Milletari et al. 2016) plus focal loss (Lin et al. 2017).
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor, nn
from torch.nn import functional as F

from algorithm.manifest import InputSettings
from training.recipe import LossSettings

DICE_SMOOTHING = 1.0


def loss(logits: Tensor, masks: Tensor, settings: LossSettings) -> Tensor:
    """Weighted sum of Dice and focal loss of logits and masks, both (B, 1, H, W), in float32."""
    logits = logits.float()
    return settings.dice * dice_loss(logits, masks) + settings.focal * focal_loss(
        logits, masks, settings.focal_alpha, settings.focal_gamma
    )


def dice_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Over the whole batch, since the Dice of one empty mask says nothing (Milletari et al., eq. 1, smoothed)."""
    probabilities = torch.sigmoid(logits)
    overlap = 2 * (probabilities * masks).sum() + DICE_SMOOTHING
    return 1 - overlap / (probabilities.square().sum() + masks.square().sum() + DICE_SMOOTHING)


def focal_loss(logits: Tensor, masks: Tensor, alpha: float, gamma: float) -> Tensor:
    """Mean over pixels of -alpha_t (1 - p_t)^gamma log p_t (Lin et al., eq. 5)."""
    entropy = F.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    probabilities = torch.sigmoid(logits)
    missed = torch.where(masks > 0.5, 1 - probabilities, probabilities)
    weights = torch.where(masks > 0.5, alpha, 1 - alpha)
    return (weights * missed**gamma * entropy).mean()


def normalise(tiles: Tensor, settings: InputSettings) -> Tensor:
    """RGB tiles (B, 3, T, T) in 0 to 1 as the network takes them; the same as the algorithm does with bytes."""
    mean, std = (torch.tensor(values, device=tiles.device).view(3, 1, 1) for values in (settings.mean, settings.std))
    return (tiles * (255 * settings.scale) - mean) / std


class TilePredictor:
    """A network in training as the algorithm's segmentation detector calls it: an ensemble of one."""

    def __init__(self, model: nn.Module, settings: InputSettings, device: torch.device) -> None:
        self.model = model
        self.settings = settings
        self.device = device

    def __call__(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Tiles (B, T, T, 3) uint8 to probabilities (1, B, T, T)."""
        return expit(self.logits(tiles))

    @torch.inference_mode()
    def logits(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Tiles (B, T, T, 3) uint8 to logits (1, B, T, T)."""
        batch = torch.from_numpy(tiles).to(self.device).permute(0, 3, 1, 2).float() / 255
        self.model.eval()
        logits: NDArray[np.float32] = self.model(normalise(batch, self.settings))[:, 0].cpu().numpy()[None]
        return logits

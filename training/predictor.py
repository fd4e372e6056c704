"""A network in training as the algorithm calls one."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from algorithm.manifest import Normalisation
from training.normalise import normalise


class Predictor:
    """An ensemble of one."""

    def __init__(self, model: nn.Module, settings: Normalisation, device: torch.device) -> None:
        self.model = model
        self.settings = settings
        self.device = device

    @torch.inference_mode()
    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Tiles (B, H, W, 3) uint8 RGB to logits of the one class: (1, B, H, W) of maps, (1, B) of whole tiles."""
        self.model.eval()
        logits: NDArray[np.float32] = self.model(self.prepared(pixels))[:, 0].cpu().numpy()[None]
        return logits

    def prepared(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Tiles (B, H, W, 3) uint8 RGB as the network takes them, (B, 3, H, W)."""
        batch = torch.from_numpy(np.ascontiguousarray(pixels)).to(self.device).permute(0, 3, 1, 2).float() / 255
        return normalise(batch, self.settings)

"""Masks by NuClick: each figure clicked at its centre, all other annotated centres clicked as not meant.

Source: Koohbanani et al., "NuClick", Medical Image Analysis 2020, sections 3.1 and 3.3.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from training.data.regions import Region, read_padded
from training.mask_settings import MaskSettings
from training.masks.clicks import click_in, guiding_maps, window_corner
from training.masks.figure import FigureMask
from training.masks.shapes import settled

PATCH_PX = 128
BATCH = 8


class NuClickMasks:
    """Calls the network for the figures of a region."""

    def __init__(self, model: nn.Module, device: torch.device, settings: MaskSettings) -> None:
        self.model = model.to(device).eval()
        self.device, self.settings = device, settings

    def __call__(self, region: Region) -> Iterator[FigureMask]:
        """The mask of each figure of a region, in their order."""
        clicks = [click_in(region, point) for point in region.figures]
        corners = [window_corner(region, click, PATCH_PX) for click in clicks]
        for first in range(0, len(corners), BATCH):
            numbers = range(first, min(first + BATCH, len(corners)))
            nuclei = self._nuclei(torch.stack([patch(region, n, corners[n]) for n in numbers]))
            for number, nucleus in zip(numbers, nuclei, strict=True):
                x, y = corners[number]
                inside = nucleus[: region.height - y, : region.width - x]
                yield settled(region, region.figures[number], inside, (x, y), "nuclick", self.settings)

    @torch.inference_mode()
    def _nuclei(self, patches: Tensor) -> np.ndarray[tuple[int, int, int], np.dtype[np.bool_]]:
        """(B, side, side), where the probability is above the threshold."""
        threshold = self.settings.nuclick_threshold
        logit = math.log(threshold / (1 - threshold))
        return (self.model(patches.to(self.device))[:, 0] > logit).cpu().numpy()


def patch(region: Region, number: int, corner: tuple[int, int]) -> Tensor:
    """What NuClick sees for one figure, (5, 128, 128): R, G, B in 0 to 1, inclusion, exclusion.

    A region smaller than that is reflected at its border.
    """
    pixels = read_padded(region, *corner, PATCH_PX, PATCH_PX).astype(np.float32).transpose(2, 0, 1) / 255
    return torch.from_numpy(np.concatenate([pixels, guiding_maps(region, number, corner, PATCH_PX)]))

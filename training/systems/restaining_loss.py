"""The losses of a network that restains, and of the discriminator beside it.

Source: RestainNet (arXiv 2202.13804): the picture's own colours, and the amounts of haematoxylin and eosin that Lambert
and Beer's law finds in it; Mao et al., "Least Squares Generative Adversarial Networks", ICCV 2017.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from algorithm.stain import RUIFROK
from training.augment.colour import optical_density
from training.restain_settings import RestainLossSettings


class Answers(NamedTuple):
    """Of pictures: restained (B, 3, H, W) in 0 to 1, and the discriminator's maps (B, 1, h, w).

    sought: of the restained, the discriminator being as it is; real: of the pictures themselves; made: of the
    restained, the generator being as it is.
    """

    restained: Tensor
    sought: Tensor
    real: Tensor
    made: Tensor


def restaining_loss(answers: Answers, pictures: Tensor, settings: RestainLossSettings) -> Tensor:
    """The generator's loss and the discriminator's in one number, of which each learns from its own part alone."""
    sought = (answers.sought - 1).square().mean()
    told_apart = ((answers.real - 1).square().mean() + answers.made.square().mean()) / 2
    return colour_loss(answers.restained, pictures, settings) + settings.adversarial * sought + told_apart


def colour_loss(restained: Tensor, pictures: Tensor, settings: RestainLossSettings) -> Tensor:
    """How far restained pictures (B, 3, H, W) lie from what they should be, in their colours and in both stains."""
    found, wanted = stain_amounts(restained), stain_amounts(pictures)
    stains = sum(F.l1_loss(found[:, stain], wanted[:, stain]) for stain in (0, 1))
    return F.l1_loss(restained, pictures) + settings.stain * stains


def stain_amounts(pictures: Tensor) -> Tensor:
    """How much haematoxylin and eosin, (B, 2, H, W), RGB pictures (B, 3, H, W) in 0 to 1 hold, by Ruifrok's vectors."""
    apart = torch.from_numpy(RUIFROK.vectors).to(pictures).pinverse()
    return torch.einsum("bchw,cs->bshw", optical_density(pictures), apart)

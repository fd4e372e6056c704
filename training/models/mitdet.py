"""MitDet: whether a crop shows a mitotic figure, and where in it.

Source: Wang, Lin, Li et al., "Rethinking Mitosis Detection: Towards Diverse Data and Feature Representation", section
3, and its public code: ResNet38, dropout, global average pooling and heads without bias. Here class 1 is the mitotic
figure, as in the paper; in its code it is class 0.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.efdmix import EFDMix
from training.models.resnet38 import FROZEN, ResNet38

CLASSES = 2
FIGURE = 1
"""Which of the parent classes the mitotic figure is."""


class Answers(NamedTuple):
    """parents: logits (B, 2); children: logits (B, 2 x children), (B, 0) without; features: (B, channels)."""

    parents: Tensor
    children: Tensor
    features: Tensor


class MitDet(nn.Module):
    """Crops (B, 3, H, W) to `Answers`; the published size is the default.

    children: the classes into which each of both parents is divided; 0: the parent network (105,079,104 parameters),
    which with 4 has 105,111,872. What the children's losses need beside the network, the centres of all classes and
    the children's weights, are buffers, which training/systems/incdp.py fills and moves. efdmix, efdmix_alpha,
    efdmix_detached: as EFDMix takes them. frozen: all norms and the first convolutions stay as imported weights have
    them.
    """

    def __init__(
        self,
        width: int = 64,
        units: Sequence[int] = (3, 3, 6, 3),
        children: int = 0,
        dropout: float = 0.5,
        efdmix: float = 0.5,
        efdmix_alpha: float = 0.1,
        efdmix_detached: bool = False,
        frozen: bool = False,
    ) -> None:
        super().__init__()
        self.trunk = ResNet38(width, units, (dropout, dropout))
        channels, self.dropout, self.frozen = self.trunk.channels, dropout, frozen
        self.parent_head = nn.Linear(channels, CLASSES, bias=False)
        self.child_head = nn.Linear(channels, CLASSES * children, bias=False) if children else None
        if children:
            self.register_buffer("parent_centres", torch.zeros(CLASSES, channels))
            self.register_buffer("child_centres", torch.zeros(CLASSES * children, channels))
            self.register_buffer("child_weights", torch.ones(CLASSES * children))
        self.efdmix = EFDMix(efdmix, efdmix_alpha, efdmix_detached)
        for name, parameter in self.trunk.named_parameters():
            parameter.requires_grad_(not (frozen and _is_frozen(name)))

    def forward(self, crops: Tensor, domains: Tensor | None = None) -> Answers:
        """domains: (B,) int64, the crops' stain domains, for training."""
        maps = self.trunk(crops, partial(self.efdmix, domains=domains) if self.training else None)
        features = F.dropout2d(maps, self.dropout, self.training).mean(dim=(2, 3))
        children = features[:, :0] if self.child_head is None else self.child_head(features)
        return Answers(self.parent_head(features), children, features)

    def train(self, mode: bool = True) -> "MitDet":
        super().train(mode)
        if self.frozen:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self


class Located(nn.Module):
    """What the algorithm asks of a MitDet: of crops (B, 3, H, W) the probability (B,) and the activation (B, H / 8,
    W / 8) of the mitotic figure, the latter without what speaks against one."""

    def __init__(self, model: MitDet) -> None:
        super().__init__()
        self.model = model

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.model.trunk(crops)
        logits = self.model.parent_head(maps.mean(dim=(2, 3)))
        weight = self.model.parent_head.weight[FIGURE].view(1, -1, 1, 1)
        return torch.softmax(logits, dim=1)[:, FIGURE], F.relu(F.conv2d(maps, weight))[:, 0]


def _is_frozen(name: str) -> bool:
    part, *inner = name.split(".")
    return part in FROZEN or any(of.startswith("bn") for of in (part, *inner))

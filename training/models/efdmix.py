"""EFDMix: the looks of one image's maps on the contents of another's.

Source: Zhang et al., "Exact Feature Distribution Matching for Arbitrary Style Transfer and Domain Generalization", CVPR
2022, equations 4 and 8, and its public code; MitDet's stain enhancement (equation 6) is this. In words: a channel's
values take those of equal rank in the same channel of another image, in part.
"""

import torch
from torch import Tensor, nn


class EFDMix(nn.Module):
    """Maps (B, C, H, W) to maps whose channels are distributed a share of the way as another image's, in training.

    probability: that a call does anything. alpha: the share that stays an image's own is drawn from Beta(alpha, alpha)
    for each image. detached: whether the other image gets no gradient; in the public code it gets its part.
    """

    def __init__(self, probability: float = 0.5, alpha: float = 0.1, detached: bool = False) -> None:
        super().__init__()
        self.probability, self.alpha, self.detached = probability, alpha, detached

    def forward(self, maps: Tensor, domains: Tensor | None = None) -> Tensor:
        """domains: (B,) int64, by which an image's partner is one of another stain domain; None: any partner."""
        if not self.training or self.probability == 0 or float(torch.rand(())) >= self.probability:
            return maps
        own = torch.distributions.Beta(self.alpha, self.alpha).sample((len(maps),)).to(maps)
        others = maps[partners(len(maps), domains).to(maps.device)]
        return mixed(maps, others.detach() if self.detached else others, own)


def mixed(maps: Tensor, others: Tensor, own: Tensor) -> Tensor:
    """own (B,) times the maps (B, C, H, W), and for the rest the other maps' values of the same rank.

    The gradient flows through the maps as if they were not mixed, and into the others by their share.
    """
    ranks = maps.detach().flatten(2).argsort(dim=-1).argsort(dim=-1)
    matched = others.flatten(2).sort(dim=-1).values.gather(-1, ranks).view_as(maps)
    return maps + (1 - own).view(-1, 1, 1, 1) * (matched - maps.detach())


def partners(count: int, domains: Tensor | None = None) -> Tensor:
    """(count,) int64: for each image another one's number.

    Of any other domain, if there is one; without domains a permutation of all, as in the public code.
    """
    if domains is None:
        return torch.randperm(count)
    elsewhere = (domains[:, None] != domains).float().cpu()
    alone = ~elsewhere.any(dim=1, keepdim=True)
    return torch.multinomial(elsewhere + alone, 1)[:, 0]

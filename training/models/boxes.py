"""Boxes as RTMDet says them: points on its maps, distances from them to the sides, and how much two boxes overlap.

A box is x1, y1, x2, y2 in px of the network's input, in the last dimension of a tensor.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

STRIDES = (8, 16, 32)
"""Px between the points of each level, finest first."""
EPSILON = 1e-6
"""Px2, the least area that is divided by."""


def point_priors(height: int, width: int, device: torch.device | str = "cpu") -> Tensor:
    """The points of all levels for images of that size in px, a multiple of 32: (N, 3) float32, x, y, stride, in px.

    Finest level first, each row by row from its upper left; the first point of every level is the image's corner
    (0, 0), as in mmdetection's RTMDet, whose offset is 0.
    """
    levels = []
    for stride in STRIDES:
        ys = torch.arange(0, height, stride, dtype=torch.float32, device=device)
        xs = torch.arange(0, width, stride, dtype=torch.float32, device=device)
        y, x = torch.meshgrid(ys, xs, indexing="ij")
        levels.append(torch.stack([x, y, torch.full_like(x, stride)], dim=-1).reshape(-1, 3))
    return torch.cat(levels)


def flatten_levels(levels: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """What RTMDet gives for B images, in the order of `point_priors`: logits (B, N, classes), distances (B, N, 4)."""
    logits, distances = zip(*levels, strict=True)
    return _joined(logits), _joined(distances)


def decode(distances: Tensor, priors: Tensor) -> Tensor:
    """Boxes (..., N, 4) of distances (..., N, 4), in strides to left, top, right and bottom, from priors (N, 3).

    Distances may be negative, so that a box's x2 may lie left of its x1.
    """
    points, strides = priors[:, :2], priors[:, 2:]
    sides = distances * strides
    return torch.cat([points - sides[..., :2], points + sides[..., 2:]], dim=-1)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of boxes (..., 4) and (..., 4), broadcast; 0 for a box that is inside out."""
    shared, union = _shared_and_union(a, b)
    return shared / union


def giou(a: Tensor, b: Tensor) -> Tensor:
    """IoU less the share of the smallest box around both that neither covers: 1 for the same box, to -1 far apart.

    Broadcast as `iou`. Source: Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019, algorithm 1.
    """
    shared, union = _shared_and_union(a, b)
    sides = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    around = sides.prod(-1).clamp(min=EPSILON)
    return shared / union - (around - union) / around


def _joined(maps: Sequence[Tensor]) -> Tensor:
    return torch.cat([level.flatten(2).transpose(1, 2) for level in maps], dim=1)


def _shared_and_union(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    sides = torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])
    shared = sides.clamp(min=0).prod(-1)
    return shared, (_area(a) + _area(b) - shared).clamp(min=EPSILON)


def _area(boxes: Tensor) -> Tensor:
    """Negative for a box that is inside out in one direction."""
    return (boxes[..., 2:] - boxes[..., :2]).prod(-1)

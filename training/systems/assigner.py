"""Which places of RTMDet's maps are to say which annotated box.

Source: Lyu et al., "RTMDet", 2022, section 3.3, equations 1 to 4, with the numbers of mmdetection's
DynamicSoftLabelAssigner; the number of places of a box as in Ge et al., "YOLOX", 2021, section 2.1.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from training.models.boxes import iou
from training.systems.focal import quality_focal

NONE = -1
OVERLAP_WEIGHT = 3.0
LEAST_OVERLAP = 1e-7
FREE_STRIDES = 3.0
"""How far from a box's centre a place costs as much as a class's logit; ten times more with each stride beyond."""


class Assignment(NamedTuple):
    """Of N places. box: (N,) int64, the annotated box that each is to say, or NONE; quality: (N,), its IoU, or 0."""

    box: Tensor
    quality: Tensor


@torch.no_grad()
def assign(
    logits: Tensor,
    predicted: Tensor,
    priors: Tensor,
    truth: Tensor,
    classes: Tensor,
    ignored: Tensor | None = None,
    candidates: int = 13,
) -> Assignment:
    """The places of one image that are to say its boxes, by what they say already.

    logits (N, C) and predicted boxes (N, 4) of the network, priors (N, 3), truth (G, 4) and its classes (G,) int64;
    boxes x1, y1, x2, y2 in px. ignored: (N,) bool, places that take no part. Only places inside some box take part; a
    box with none of them inside gets none. A box gets as many as the IoUs of its best `candidates` sum to, one at
    least; a place that several claim goes to the box for which it costs least.
    """
    inside = _inside(priors, truth)
    if ignored is not None:
        inside &= ~ignored[:, None]
    found = Assignment(torch.full_like(priors[:, 0], NONE, dtype=torch.int64), torch.zeros_like(predicted[:, 0]))
    (part,) = inside.any(1).nonzero(as_tuple=True)
    if len(part) == 0:
        return found
    overlaps = iou(predicted[part, None], truth)
    costs = _costs(logits[part], overlaps, priors[part], truth, classes)
    claims = _claims(costs, overlaps, candidates) & inside.any(0)
    boxes = torch.where(claims.sum(1) > 1, costs.argmin(1), claims.int().argmax(1))
    claimed = claims.any(1)
    found.box[part[claimed]] = boxes[claimed]
    found.quality[part[claimed]] = overlaps[claimed, boxes[claimed]]
    return found


def _inside(priors: Tensor, truth: Tensor) -> Tensor:
    """(N, G), whether a place's point lies inside a box and not on its edge."""
    points = priors[:, None, :2]
    return ((points > truth[:, :2]) & (points < truth[:, 2:])).all(-1)


def _costs(logits: Tensor, overlaps: Tensor, priors: Tensor, truth: Tensor, classes: Tensor) -> Tensor:
    """(N, G), of each place for each box: of its class, of its overlap, and of its distance from the centre."""
    of_class = F.one_hot(classes, logits.shape[-1]) * overlaps[..., None]
    soft = quality_focal(logits[:, None].expand_as(of_class), of_class, 2.0).sum(-1)
    away = torch.linalg.vector_norm(priors[:, None, :2] - (truth[:, :2] + truth[:, 2:]) / 2, dim=-1) / priors[:, 2:]
    return soft - OVERLAP_WEIGHT * torch.log(overlaps + LEAST_OVERLAP) + 10 ** (away - FREE_STRIDES)


def _claims(costs: Tensor, overlaps: Tensor, candidates: int) -> Tensor:
    """(N, G) bool, the cheapest places of each box; of equally cheap ones the first."""
    best = overlaps.topk(min(candidates, len(overlaps)), dim=0).values
    wanted = best.sum(0).int().clamp(min=1)
    return costs.argsort(dim=0, stable=True).argsort(dim=0) < wanted

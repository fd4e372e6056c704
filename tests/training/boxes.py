"""RTMDet's outputs for predictions that are given as boxes, and its loss with nothing but Python's numbers."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

Box = Sequence[float]


def distances_to(boxes: Tensor, priors: Tensor) -> Tensor:
    """In strides, which decode to boxes (..., N, 4)."""
    points, strides = priors[:, :2], priors[:, 2:]
    return torch.cat([points - boxes[..., :2], boxes[..., 2:] - points], dim=-1) / strides


def slow_iou(a: Box, b: Box) -> tuple[float, float]:
    """IoU and GIoU."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    around = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    return width * height / union, width * height / union - (around - union) / around


def slow_quality_focal(logit: float, quality: float) -> float:
    probability = 1 / (1 + math.exp(-logit))
    entropy = -quality * math.log(probability) - (1 - quality) * math.log(1 - probability)
    return entropy * (quality - probability) ** 2


def slow_assign(
    logits: Sequence[Sequence[float]],
    predicted: Sequence[Box],
    priors: Sequence[Sequence[float]],
    truth: Sequence[Box],
    classes: Sequence[int],
    ignored: Sequence[bool],
) -> dict[int, tuple[int, float]]:
    """Of each place that is to say a box, which one and its IoU."""
    inside = {
        (place, box): x1 < x < x2 and y1 < y < y2 and not ignored[place]
        for place, (x, y, _) in enumerate(priors)
        for box, (x1, y1, x2, y2) in enumerate(truth)
    }
    places = [place for place in range(len(priors)) if any(inside[place, box] for box in range(len(truth)))]
    costs, overlaps, claimants = {}, {}, {place: [] for place in places}
    for box, (x1, y1, x2, y2) in enumerate(truth):
        for place in places:
            x, y, stride = priors[place]
            overlap, _ = slow_iou(predicted[place], truth[box])
            away = math.hypot(x - (x1 + x2) / 2, y - (y1 + y2) / 2) / stride
            soft = sum(
                slow_quality_focal(logit, overlap if number == classes[box] else 0)
                for number, logit in enumerate(logits[place])
            )
            overlaps[place, box] = overlap
            costs[place, box] = soft - 3 * math.log(overlap + 1e-7) + 10 ** (away - 3)
        if any(inside[place, box] for place in places):
            best = sorted((overlaps[place, box] for place in places), reverse=True)[:13]
            for place in sorted(places, key=lambda place: costs[place, box])[: max(1, int(sum(best)))]:
                claimants[place].append(box)
    found = {}
    for place, boxes in claimants.items():
        if boxes:
            among = boxes if len(boxes) == 1 else range(len(truth))
            chosen = min(among, key=lambda box: costs[place, box])
            found[place] = (chosen, overlaps[place, chosen])
    return found

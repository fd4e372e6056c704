"""The loss of RTMDet: how sure it should be of each class at each place, and how well its boxes should lie.

Source: Lyu et al., "RTMDet", 2022, section 3.3, with the weights of mmdetection's configuration.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from training.loss_settings import BoxLossSettings
from training.models.boxes import decode, giou, iou
from training.systems.assigner import Assignment, assign
from training.systems.focal import focal, quality_focal


def detection_loss(
    logits: Tensor,
    distances: Tensor,
    priors: Tensor,
    truth: Sequence[Tensor],
    classes: Sequence[Tensor],
    settings: BoxLossSettings,
    ignored: Tensor | None = None,
) -> Tensor:
    """The weighted sum of `loss_terms`, which says what it takes."""
    of_classes, of_boxes = loss_terms(logits, distances, priors, truth, classes, settings, ignored)
    return of_classes + settings.box_weight * of_boxes


def loss_terms(
    logits: Tensor,
    distances: Tensor,
    priors: Tensor,
    truth: Sequence[Tensor],
    classes: Sequence[Tensor],
    settings: BoxLossSettings,
    ignored: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The losses of classes and of boxes over B images, each a sum over places by the sum of qualities, one at least.

    logits (B, N, C) and distances (B, N, 4) in strides of the network, priors (N, 3); for each image truth (G, 4), x1,
    y1, x2, y2 in px, and its classes (G,) int64, where G may be 0. ignored: (B, N) bool, places that take no part, as
    where an image is padded. The quality of a place that is to say a box is their IoU, and no gradient flows into it;
    the loss of its box counts by its quality.
    """
    logits, distances = logits.float(), distances.float()
    boxes = decode(distances, priors)
    found = [
        assign(*of_image, None if ignored is None else ignored[image], settings.candidates)
        for image, of_image in enumerate(zip(logits, boxes, [priors] * len(boxes), truth, classes, strict=True))
    ]
    positive = torch.stack([one.box for one in found]) >= 0
    qualities = torch.stack([one.quality for one in found])[positive]
    total = qualities.sum().clamp(min=1)
    wanted = _of_positives(found, truth)
    overlaps = giou(boxes[positive], wanted) if settings.boxes == "giou" else iou(boxes[positive], wanted)
    terms = _class_terms(logits, positive, _of_positives(found, classes), qualities, settings)
    if ignored is not None:
        terms = terms.masked_fill(ignored[..., None], 0)
    return terms.sum() / total, (qualities * (1 - overlaps)).sum() / total


def _of_positives(found: Sequence[Assignment], values: Sequence[Tensor]) -> Tensor:
    """Of all images' boxes the values of those that places are to say, in the places' order."""
    return torch.cat([value[one.box[one.box >= 0]] for one, value in zip(found, values, strict=True)])


def _class_terms(
    logits: Tensor, positive: Tensor, classes: Tensor, qualities: Tensor, settings: BoxLossSettings
) -> Tensor:
    """(B, N, C); positive (B, N) has P places, of which there are classes (P,) and qualities (P,)."""
    image, place = positive.nonzero(as_tuple=True)
    targets = torch.zeros_like(logits)
    if settings.classes == "quality":
        targets[image, place, classes] = qualities
        return quality_focal(logits, targets, settings.quality_beta)
    targets[image, place, classes] = 1
    return focal(logits, targets, settings.focal_alpha, settings.focal_gamma)

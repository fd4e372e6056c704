"""Boxes of several networks or views of one place: their overlap, non-maximum suppression, weighted fusion.

Source of the fusion: Solovyev, Wang and Gabruseva, "Weighted boxes fusion: ensembling boxes from different object
detection models", Image and Vision Computing 2021, section 3.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]
"""(N, 4): left, top, right, bottom."""


class Fused(NamedTuple):
    """Boxes (K, 4), their scores (K,), and the highest score of each source in each, (K, S), 0 where it has none."""

    boxes: Boxes
    scores: NDArray[np.float64]
    source_scores: NDArray[np.float64]


def overlap(box: NDArray[np.float64], boxes: Boxes) -> NDArray[np.float64]:
    """Intersection over union of a box (4,) with each of the boxes (N, 4): (N,); 0 where both are empty."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared = np.maximum(sides, 0).prod(axis=1)
    union = _area(box[None])[0] + _area(boxes) - shared
    return np.asarray(np.divide(shared, union, out=np.zeros(len(boxes)), where=union > 0))


def suppressed(boxes: Boxes, scores: NDArray[np.float64], iou: float) -> NDArray[np.int64]:
    """The indices of the boxes (N, 4) that stay, the highest score (N,) first.

    A box that overlaps a better one, which stays, by more than `iou` does not stay; of equal scores the first in order
    is the better.
    """
    left = np.argsort(-scores, kind="stable")
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[overlap(boxes[best], boxes[left]) <= iou]
    return np.array(kept, np.int64)


def fuse(boxes: Boxes, scores: NDArray[np.float64], source: NDArray[np.int64], sources: int, iou: float) -> Fused:
    """Weighted boxes fusion of boxes (N, 4) of one class, with scores (N,) and the source (N,) of each, 0 to `sources`.

    From the highest score down a box joins the fused box that it overlaps most, where by more than `iou`, and else
    starts one of its own. A fused box is the mean of its boxes weighted by their scores; its score is the mean over all
    sources of the best that each has in it, so what few of them see counts little: the published score, where no source
    has more than one box there.
    """
    fused, weights = np.empty((len(boxes), 4)), np.zeros(len(boxes))
    by_source = np.zeros((len(boxes), sources))
    count = 0
    for index in np.argsort(-scores, kind="stable").tolist():
        shares = overlap(boxes[index], fused[:count])
        place = int(shares.argmax()) if count and shares.max() > iou else count
        count = max(count, place + 1)
        before = weights[place]
        weights[place] += scores[index]
        fused[place] = (
            (before * fused[place] + scores[index] * boxes[index]) / weights[place] if before else boxes[index]
        )
        by_source[place, source[index]] = max(by_source[place, source[index]], scores[index])
    return Fused(fused[:count], by_source[:count].mean(axis=1), by_source[:count])


def _area(boxes: Boxes) -> NDArray[np.float64]:
    return np.asarray(np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1))

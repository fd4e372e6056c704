"""What is scored: one image with its ground truth and the answer given for it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class DetectionCase:
    """A region of track 1.

    name: the image's file name. domain: tumour domain, as text. roi_type: kind of region, None where it is not known.
    truth_mm (N, 2) and points_mm (M, 2): mitotic figures and answered points, x then y, mm, in the files' order, on
    which greedy matching depends. scores (M,): probabilities. figures (M,): whether a point is named "mitotic figure";
    the others count for average precision and FROC alone.
    """

    name: str
    domain: str
    roi_type: str | None
    truth_mm: Floats
    points_mm: Floats
    scores: Floats
    figures: Flags


@dataclass(frozen=True, eq=False)
class ClassificationCase:
    """A stack of crops of track 2.

    name: the stack's file name. domains: the tumour domain of each of its N crops, as text. truth (N,) and answers
    (N,): whether a crop is atypical, and whether it was called so. confidences (N,): P(atypical).
    """

    name: str
    domains: tuple[str, ...]
    truth: Flags
    answers: Flags
    confidences: Floats

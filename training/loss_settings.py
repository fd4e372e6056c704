"""The losses of recipes that segment, find boxes or type: weights of their terms, and what these take."""

from typing import Literal

from algorithm.settings import Settings
from training.model_settings import Count, Positive, Share


class LossSettings(Settings):
    """Dice and focal terms of the segmentation loss. dice_smoothing: added to both sides of Dice's fraction."""

    dice: float = 1.0
    dice_smoothing: Positive = 1.0
    focal: float = 1.0
    focal_alpha: Share = 0.25
    focal_gamma: float = 2.0


class BoxLossSettings(Settings):
    """The losses of a detector that says boxes (training/systems/detection_loss.py).

    classes: "quality" wants of a box's score how well it overlaps, "focal" one. candidates: of how many places that
    overlap a box best the overlaps are summed, for the number of places which are to say it.
    """

    classes: Literal["quality", "focal"] = "quality"
    boxes: Literal["giou", "iou"] = "giou"
    box_weight: float = 2.0
    quality_beta: float = 2.0
    focal_alpha: Share = 0.25
    focal_gamma: float = 2.0
    candidates: Count = 13


class TaskSettings(Settings):
    """Weights of the losses of a classifier's other tasks beside that of the figure's type, whose own is 1."""

    segmentation: float = 1.0
    pixel_classes: float = 1.0

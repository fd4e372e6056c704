"""InCDP: features that differ between classes and within them, by child classes of figures and of other nuclei.

Source: MitDet (Wang, Lin, Li et al.), section 3.4, equations 7 to 9. Two things are this project's reading of it. As
printed, equation 9 is least where every child is said of everything: here the children share a softmax. And a child's
weight, which is to be less the farther it is from the opposite class, has no formula there; `child_weights` is one.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algorithm.errors import InputError
from training.data.clusters import k_means
from training.models.mitdet import CLASSES, Answers, MitDet
from training.nuclei_settings import InCDPSettings
from training.systems.focal import softmax_focal

BUFFERS = ("parent_centres", "child_centres", "child_weights")
LEAST_WEIGHT, LARGEST_WEIGHT = 0.5, 2.0


class Children(NamedTuple):
    """How crops are divided.

    labels: (N,) int64, the child of each crop; those of class 0 come first. parent_centres (2, C), child_centres
    (2 x T, C): means of features. weights: (2 x T,), what each child counts for.
    """

    labels: NDArray[np.int64]
    parent_centres: NDArray[np.float64]
    child_centres: NDArray[np.float64]
    weights: NDArray[np.float64]


def divide(features: NDArray[np.floating], classes: NDArray[np.int64], children: int, seed: int = 0) -> Children:
    """Children of both classes by k-means of the features (N, C) of their crops, whose classes are (N,).

    Raises InputError where a class has fewer different crops than children.
    """
    labels = np.zeros(len(classes), np.int64)
    parents, centres = [], []
    for parent in range(CLASSES):
        own = np.flatnonzero(classes == parent)
        if len(own) < children:
            raise InputError(f"{len(own)} crops make no {children} child classes.", "Give more data or fewer children.")
        found = k_means(features[own], children, seed)
        if len(found.centres) < children:
            raise InputError(
                f"The network sees no more than {len(found.centres)} different crops of a class.",
                "Train the parent stage for longer, or give more data.",
            )
        labels[own] = children * parent + found.labels
        parents.append(features[own].mean(axis=0, dtype=np.float64))
        centres.append(found.centres)
    parent_centres, child_centres = np.stack(parents), np.concatenate(centres)
    return Children(labels, parent_centres, child_centres, child_weights(parent_centres, child_centres))


def child_weights(parent_centres: NDArray[np.float64], child_centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2 x T,): the inverse of a child's distance from the opposite class's centre, by the mean of all children's.

    From 0.5 to 2; all are 1 where the distances are equal.
    """
    children = len(child_centres) // CLASSES
    opposite = np.repeat(parent_centres[::-1], children, axis=0)
    inverse = 1 / np.maximum(np.linalg.norm(child_centres - opposite, axis=1), 1e-12)
    return np.clip(inverse / inverse.mean(), LEAST_WEIGHT, LARGEST_WEIGHT)


def buffers(children: Children) -> dict[str, Tensor]:
    """What a network of child classes begins with, by the names of MitDet's buffers."""
    found = (children.parent_centres, children.child_centres, children.weights)
    return dict(zip(BUFFERS, (torch.from_numpy(of).float() for of in found), strict=True))


def parent_loss(answers: Answers, classes: Tensor, settings: InCDPSettings) -> Tensor:
    """The focal loss of the parents alone: classes (B,) int64 (equation 7, as a mean)."""
    return softmax_focal(answers.parents, classes, settings.focal_gamma).mean()


def joint_loss(answers: Answers, classes: Tensor, children: Tensor, model: MitDet, settings: InCDPSettings) -> Tensor:
    """The focal and the centre losses of parents and, by `child_weight`, of children: both (B,) int64 (equation 10).

    In training the centres move behind the loss.
    """
    focal = (
        softmax_focal(answers.children, children, settings.focal_gamma) * model.get_buffer("child_weights")[children]
    )
    total = parent_loss(answers, classes, settings) + settings.child_weight * focal.mean()
    for name, of, weight in (("parent_centres", classes, 1.0), ("child_centres", children, settings.child_weight)):
        centres = model.get_buffer(name)
        pull = centre_loss(answers.features, of, centres.clone(), settings.centres == "published")
        total = total + settings.centre_weight * weight * pull
        if model.training:
            move_centres(centres, answers.features, of, settings.centre_rate)
    return total


def centre_loss(features: Tensor, classes: Tensor, centres: Tensor, summed: bool = False) -> Tensor:
    """Half of the squared distance between features (B, C) and the centres (K, C) of their classes (B,).

    The mean over the batch by C, or summed over both as published (equation 8).
    """
    squares = 0.5 * (features - centres[classes]).square()
    return squares.sum() if summed else squares.mean()


@torch.no_grad()
def move_centres(centres: Tensor, features: Tensor, classes: Tensor, rate: float) -> None:
    """Bring the centres (K, C) nearer to the features (B, C) of their classes (B,), in place.

    Source: Wen et al., "A discriminative feature learning approach for deep face recognition", ECCV 2016, equation 4.
    """
    away = torch.zeros_like(centres).index_add_(0, classes, centres[classes] - features.to(centres))
    counts = torch.bincount(classes, minlength=len(centres))
    centres -= rate * away / (1 + counts)[:, None]

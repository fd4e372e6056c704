"""What networks tell apart: their features of the same crops in a plane, by class and child class."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from training.data.clusters import principal_axes
from training.models.mitdet import CLASSES, FIGURE
from training.pictures.scatter import panels, shades_of
from training.pictures.sheet import shown_of

SHOWN = 5000
"""How many crops the picture has, at most."""


def features_picture(
    features: Mapping[str, NDArray[np.floating]], labels: NDArray[np.integer], children: int
) -> Pictures.Image:
    """A panel for each network, by its title: features (N, C) along two principal axes of their own.

    labels: (N,), the crops' child classes, those of class 0 first; all of a class are shades of one colour.
    """
    shown = shown_of(len(labels), SHOWN)
    mixed = np.random.default_rng(0).permutation(shown)  # else the class that comes last would hide the other
    points = {title: principal_axes(of[mixed], 2).reduced(of[mixed]) for title, of in features.items()}
    names = [f"{_class(of)} {number}" for of in range(CLASSES) for number in range(children)]
    return panels(points, labels[mixed], names, shades_of(CLASSES, children))


def _class(number: int) -> str:
    return "figure" if number == FIGURE else "other"

"""How often each sample is drawn: balanced over data sets, images and classes, the three levels of the bag of tricks.

Source: the RTMDet-S entry to MIDOG 2025 ("bag of tricks", 2508.19804). Its weights for data sets and images (eq. 2
and 3) do not depend on the data set or the image, so that as printed the class alone is balanced; and the product of
the inverse frequencies that its text means lets data sets of one sample an image take nearly all. Drawing a data set,
then a class, an image and a sample does what the text asks for, and is the default.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Mode = Literal["hierarchical", "product", "printed"]
Names = NDArray[np.int64]
Flags = NDArray[np.bool_]

OFTEN = 20
"""As often as so many samples of the mean, a data set's samples are drawn too often to stand for anything."""


def sample_probabilities(
    data_sets: Names, images: Names, figures: Flags, mode: Mode = "hierarchical"
) -> NDArray[np.float64]:
    """The probability of each of N samples, their sum 1.

    data_sets, images: (N,) the number of each one's data set, and of its image, which is in one data set alone.
    figures: (N,) whether it is about a mitotic figure; else it is about none.
    "hierarchical": data sets equally often, figures half of the time, the images of a data set that have a class
    equally often, and so the samples in them. "product": the product of the inverse frequencies of data set, image and
    class. "printed": of the class alone.
    """
    if mode == "hierarchical":
        return _hierarchical(data_sets, images, figures)
    weights = _inverse_frequency(figures.astype(np.int64))
    if mode == "product":
        weights = weights * _inverse_frequency(data_sets) * _inverse_frequency(images)
    return np.asarray(weights / weights.sum())


def imbalances(probabilities: NDArray[np.float64], data_sets: Names, figures: Flags) -> list[str]:
    """What a person should know of how often samples are drawn: a sentence each."""
    found = []
    of_figures = float(probabilities[figures].sum())
    if abs(of_figures - 0.5) > 0.01:
        found.append(
            f"Figures are {of_figures:.0%} of what is drawn, not half: too many data sets have one class alone."
        )
    for name in np.unique(data_sets):
        of_data_set = data_sets == name
        samples, mass = int(of_data_set.sum()), float(probabilities[of_data_set].sum())
        if mass * len(probabilities) > OFTEN * samples:
            found.append(
                f"A data set of {samples} annotations is {mass:.0%} of what is drawn: leave them out, or set "
                f"sampling.mode=printed, which does not balance data sets."
            )
    return found


def _hierarchical(data_sets: Names, images: Names, figures: Flags) -> NDArray[np.float64]:
    names, data_set = np.unique(data_sets, return_inverse=True)
    shares = np.array(_share_of_figures([figures[data_set == number] for number in range(len(names))]))
    of_class = np.where(figures, shares[data_set], 1 - shares[data_set])
    samples = np.stack((images, figures), axis=1)
    groups, group, counts = np.unique(samples, axis=0, return_inverse=True, return_counts=True)
    kinds = np.empty(len(groups), np.int64)  # each image's data set and class
    kinds[group] = 2 * data_set + figures
    images_with_class = np.bincount(kinds)[kinds]
    return np.asarray(of_class / len(names) / images_with_class[group] / counts[group])


def _share_of_figures(data_sets: list[Flags]) -> list[float]:
    """Of each data set, so that figures are half of all that is drawn: the same in all that have both classes."""
    all_figures = sum(bool(figures.all()) for figures in data_sets)
    mixed = sum(bool(figures.any() and not figures.all()) for figures in data_sets)
    share = (len(data_sets) / 2 - all_figures) / mixed if mixed else 0.5
    share = min(max(share, 0.0), 1.0)
    return [float(figures.all()) if figures.all() or not figures.any() else share for figures in data_sets]


def _inverse_frequency(groups: Names) -> NDArray[np.float64]:
    _, group, counts = np.unique(groups, return_inverse=True, return_counts=True)
    return np.asarray(1 / counts[group])

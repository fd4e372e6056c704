"""The temperature of an ensemble, chosen where its members are not trained.

Source: Guo et al., "On calibration of modern neural networks", ICML 2017, section 4.2.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit

from algorithm.classification_manifest import ClassificationPostprocess, EnsembleClassValidation
from algorithm.errors import AlgorithmError
from evaluation.classification import scores
from training.bundles.base import Logits
from training.data.figures import FigureSampler
from training.data.folds import Fold
from training.data.read import Data
from training.data.split import split_fold
from training.recipe import ClassificationRecipe
from training.systems.classification import class_weights

LARGEST_LOG_TEMPERATURE = 2.0


class Unseen(NamedTuple):
    """N figures that some of M members were not trained on.

    turned: (R, M, N) float64, the members' logits in each of R rotations; by: (M, N) bool, who was not trained on the
    figure's slide; atypical: (N,) bool; slides: (N,) their names.
    """

    turned: NDArray[np.float64]
    by: NDArray[np.bool_]
    atypical: NDArray[np.bool_]
    slides: NDArray[np.str_]

    def of(self, slides: NDArray[np.str_]) -> "Unseen":
        """The figures of these slides."""
        kept = np.isin(self.slides, slides)
        return Unseen(self.turned[..., kept], self.by[:, kept], self.atypical[kept], self.slides[kept])

    def probabilities(self, temperature: float) -> NDArray[np.float64]:
        """(N,): the mean of the members that have not seen a figure."""
        return np.asarray(np.average(expit(self.turned / temperature).mean(axis=0), axis=0, weights=self.by))

    def temperature(self) -> float:
        """That which makes these probabilities as likely as can be, both types counted alike."""
        weights = class_weights(self.atypical).numpy()[self.atypical.astype(np.int64)]

        def unlikely(log_temperature: float) -> float:
            found = self.probabilities(np.exp(log_temperature)).clip(1e-7, 1 - 1e-7)
            return float(-(weights * np.log(np.where(self.atypical, found, 1 - found))).mean())

        bounds = (-LARGEST_LOG_TEMPERATURE, LARGEST_LOG_TEMPERATURE)
        return float(np.exp(minimize_scalar(unlikely, bounds=bounds, method="bounded").x))


def calibrate(
    logits: Logits, recipe: ClassificationRecipe, folds: Sequence[Fold], data: Data
) -> tuple[ClassificationPostprocess, EnsembleClassValidation]:
    """The recipe's postprocess with the temperature, and the figures with it at the recipe's threshold.

    logits: of the members; folds: what each of them held out of `data`. Every figure is typed by the members that were
    not trained on its slide, together. Both types count alike in the temperature, so that one half is the threshold of
    the best balanced accuracy; one that is searched for does worse on other slides
    (benchmarks/classifier_threshold.py). Raises AlgorithmError where every slide was trained on by all members.
    """
    unseen = unseen_figures(logits, recipe, folds, data)
    temperature, threshold = unseen.temperature(), recipe.postprocess.threshold
    probabilities = unseen.probabilities(temperature)
    found = scores(unseen.atypical, probabilities >= threshold, probabilities)
    validation = EnsembleClassValidation(
        slides=len(set(unseen.slides)),
        threshold=threshold,
        balanced_accuracy=found["balanced_accuracy"],
        sensitivity=found["sensitivity"],
        specificity=found["specificity"],
        auroc=found["roc_auc"],
    )
    return recipe.postprocess.model_copy(update={"temperature": round(temperature, 4)}), validation


def unseen_figures(logits: Logits, recipe: ClassificationRecipe, folds: Sequence[Fold], data: Data) -> Unseen:
    """What members say of the figures that one of them was not trained on; arguments and errors as `calibrate`."""
    sampler = FigureSampler(data.annotated)
    by = _unseen(recipe, folds, data, sampler)
    kept = by.any(axis=0)
    if not kept.any():
        raise AlgorithmError(
            "Every slide of the data was trained on by all of the runs: none can choose the ensemble's temperature.",
            "Export without --data, which takes the recipe's, or give the data that the runs were made with.",
        )
    slides = np.array([region.slide for region, _ in sampler.figures])
    return Unseen(_turned_logits(logits, sampler, recipe), by, sampler.atypical, slides).of(slides[kept])


def _unseen(
    recipe: ClassificationRecipe, folds: Sequence[Fold], data: Data, sampler: FigureSampler
) -> NDArray[np.bool_]:
    """(M, N): whether each member was not trained on the slide of each figure."""
    rows = []
    for fold in folds:
        trained = {region.slide for regions in split_fold(data, recipe, fold).training for region in regions}
        rows.append([region.slide not in trained for region, _ in sampler.figures])
    return np.array(rows)


def _turned_logits(logits: Logits, sampler: FigureSampler, recipe: ClassificationRecipe) -> NDArray[np.float64]:
    """(R, M, N): of every figure, by every member, in each of the rotations that the recipe asks for."""
    turns = range(recipe.postprocess.rotations)
    found = [
        np.stack([logits(np.rot90(patches, turn, axes=(1, 2))) for turn in turns])
        for patches in sampler.patches(recipe.input.patch_px)
    ]
    return np.concatenate(found, axis=2, dtype=np.float64)

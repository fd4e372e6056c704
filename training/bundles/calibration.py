"""The temperature and the threshold of an ensemble, chosen where its members are not trained.

Source of the temperature: Guo et al., "On calibration of modern neural networks", ICML 2017, section 4.2.
"""

from collections.abc import Sequence

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

THRESHOLDS = tuple(round(0.2 + 0.01 * step, 2) for step in range(61))
LARGEST_LOG_TEMPERATURE = 2.0


def calibrate(
    logits: Logits, recipe: ClassificationRecipe, folds: Sequence[Fold], data: Data
) -> tuple[ClassificationPostprocess, EnsembleClassValidation]:
    """The recipe's postprocess with temperature and threshold, and the figures at them.

    logits: of the members; folds: what each of them held out of `data`. Every figure is typed by the members that were
    not trained on its slide, together. The temperature makes their probabilities as likely as can be, both types
    counted alike; the threshold is that of the best balanced accuracy, of several the nearest to a half. Raises
    AlgorithmError where every slide was trained on by all members.
    """
    sampler = FigureSampler(data.annotated)
    unseen = _unseen(recipe, folds, data, sampler)
    kept = unseen.any(axis=0)
    if not kept.any():
        raise AlgorithmError(
            "Every slide of the data was trained on by all of the runs: none can choose the ensemble's threshold.",
            "Export without --data, which takes the recipe's, or give the data that the runs were made with.",
        )
    turned = _turned_logits(logits, sampler, recipe)[..., kept]
    unseen, truth = unseen[:, kept], sampler.atypical[kept]
    temperature = _temperature(turned, unseen, truth)
    probabilities = _probabilities(turned, unseen, temperature)
    figures = {threshold: scores(truth, probabilities >= threshold, probabilities) for threshold in THRESHOLDS}
    threshold = max(THRESHOLDS, key=lambda each: (figures[each]["balanced_accuracy"] or 0.0, -abs(each - 0.5)))
    best = figures[threshold]
    slides = len({sampler.figures[index][0].slide for index in np.flatnonzero(kept).tolist()})
    validation = EnsembleClassValidation(
        slides=slides,
        threshold=threshold,
        balanced_accuracy=best["balanced_accuracy"],
        sensitivity=best["sensitivity"],
        specificity=best["specificity"],
        auroc=best["roc_auc"],
    )
    changes = {"threshold": threshold, "temperature": round(temperature, 4)}
    return recipe.postprocess.model_copy(update=changes), validation


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


def _probabilities(turned: NDArray[np.float64], unseen: NDArray[np.bool_], temperature: float) -> NDArray[np.float64]:
    """(N,): the mean of the members that have not seen a figure."""
    return np.asarray(np.average(expit(turned / temperature).mean(axis=0), axis=0, weights=unseen))


def _temperature(turned: NDArray[np.float64], unseen: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    weights = class_weights(truth).numpy()[truth.astype(np.int64)]

    def unlikely(log_temperature: float) -> float:
        probabilities = _probabilities(turned, unseen, np.exp(log_temperature)).clip(1e-7, 1 - 1e-7)
        return float(-(weights * np.log(np.where(truth, probabilities, 1 - probabilities))).mean())

    bounds = (-LARGEST_LOG_TEMPERATURE, LARGEST_LOG_TEMPERATURE)
    return float(np.exp(minimize_scalar(unlikely, bounds=bounds, method="bounded").x))

"""Validating an ensemble on the slides that none of its members trained on, which chooses its threshold.

The members' own thresholds do not tell: the mean of several networks reaches a high probability less often than each of
them alone, least of all where one of them has never seen the scanner or the tumour.
"""

from collections.abc import Sequence
from typing import Any

from algorithm.errors import AlgorithmError
from algorithm.manifest import EnsembleValidation
from training.data.read import Data
from training.data.regions import Region
from training.data.split import searched, split_fold
from training.recipe import DetectionRecipe
from training.validation import Finder, best_score


def validate_ensemble(
    predict: Finder, recipe: DetectionRecipe, checkpoints: Sequence[dict[str, Any]], data: Data
) -> EnsembleValidation:
    """What a bundle's members find together, at the threshold that the recipe chooses.

    predict: of the bundle, as its detector calls it. data: the data sets that the checkpoints' runs were made with.
    Raises AlgorithmError where every slide was trained on by one of them.
    """
    regions = searched(_unseen(recipe, checkpoints, data))
    if not regions:
        raise AlgorithmError(
            "Every slide of the data was trained on by one of the runs: none can choose the ensemble's threshold.",
            "Export without --data, which takes the mean of the runs' thresholds, or train with folds_by=domain.",
        )
    point = best_score(predict, regions, recipe, members=len(checkpoints))
    counts = point.counts
    return EnsembleValidation(
        slides=len({region.slide for region in regions}),
        threshold=point.threshold,
        f1=counts.f1,
        precision=counts.precision,
        recall=counts.recall,
    )


def _unseen(recipe: DetectionRecipe, checkpoints: Sequence[dict[str, Any]], data: Data) -> list[list[Region]]:
    """The regions that validate a run and that none trained on, one list a data set.

    A domain that every run holds out validates none of them, so it chooses nothing.
    """
    splits = [split_fold(data, recipe, checkpoint["fold"]) for checkpoint in checkpoints]
    trained = {region.slide for split in splits for regions in split.training for region in regions}
    unseen = {region.slide for split in splits for regions in split.validation for region in regions} - trained
    return [[region for region in regions if region.slide in unseen] for regions in data.annotated]

"""Validation with the shipped tiling and merging and the official metric."""

from collections.abc import Sequence

from algorithm.detectors.base import Predict
from algorithm.detectors.segmentation import SegmentationSettings, detect_with_each
from algorithm.images.resampled import ResampledImage
from algorithm.manifest import Postprocess
from algorithm.tissue import tissue_map
from evaluation.matching import Counts, match
from evaluation.thresholds import OperatingPoint, best_point, strictest_point
from training.data.regions import Region, RegionImage
from training.data.split import Split, searched
from training.recipe import SegmentationRecipe

THRESHOLDS = tuple(round(0.2 + 0.05 * step, 2) for step in range(16))
BATCH_SIZE = 8


def metrics(point: OperatingPoint) -> dict[str, float]:
    """Of the regions that chose the threshold, as a run's metrics call them."""
    return {**_figures("validation", point.counts), "threshold": point.threshold}


def tested_metrics(predict: Predict, split: Split, recipe: SegmentationRecipe, threshold: float) -> dict[str, float]:
    """Of the held-out domain, at a threshold that it did not choose; empty where folds are by slide."""
    if not split.tested:
        return {}
    (totals,) = _totals(predict, searched(split.tested), recipe, [recipe.postprocess])
    return _figures("tested", totals[THRESHOLDS.index(threshold)])


def _figures(part: str, counts: Counts) -> dict[str, float]:
    return {f"{part}_f1": counts.f1, f"{part}_precision": counts.precision, f"{part}_recall": counts.recall}


def best_score(
    predict: Predict, regions: Sequence[Region], recipe: SegmentationRecipe, members: int = 1
) -> OperatingPoint:
    """Detect in every region at each threshold: the one of the best F1, or as the recipe's `threshold_cost` says."""
    return best_scores(predict, regions, recipe, [recipe.postprocess], members)[0]


def best_scores(
    predict: Predict,
    regions: Sequence[Region],
    recipe: SegmentationRecipe,
    postprocesses: Sequence[Postprocess],
    members: int = 1,
) -> list[OperatingPoint]:
    """As `best_score`, for several ways of reading the same maps; the network runs once."""
    return [_chosen(row, recipe.threshold_cost) for row in _totals(predict, regions, recipe, postprocesses, members)]


def _totals(
    predict: Predict,
    regions: Sequence[Region],
    recipe: SegmentationRecipe,
    postprocesses: Sequence[Postprocess],
    members: int = 1,
) -> list[list[Counts]]:
    """The counts of all regions together: one row for each of the postprocesses, in it one entry for each threshold."""
    totals = [[Counts() for _ in THRESHOLDS] for _ in postprocesses]
    for region in regions:
        counts_of_region = counts_at_thresholds(predict, region, recipe, postprocesses, members)
        for row, counts in zip(totals, counts_of_region, strict=True):
            row[:] = [total + more for total, more in zip(row, counts, strict=True)]
    return totals


def _chosen(totals: Sequence[Counts], cost: float) -> OperatingPoint:
    points = [OperatingPoint(threshold, counts) for threshold, counts in zip(THRESHOLDS, totals, strict=True)]
    return strictest_point(points, cost) if cost else best_point(points)


def counts_at_thresholds(
    predict: Predict, region: Region, recipe: SegmentationRecipe, postprocesses: Sequence[Postprocess], members: int = 1
) -> list[list[Counts]]:
    """Detections of one region against its annotations, as the challenge counts them; of the mean of the members.

    One row for each of the postprocesses, in it one entry for each of THRESHOLDS.
    """
    view = ResampledImage(RegionImage(region), recipe.input.resolution_um_px)
    settings = SegmentationSettings(
        tile_px=recipe.input.tile_px, overlap=recipe.input.overlap, postprocess=recipe.postprocess
    )
    at_thresholds = [
        postprocess.model_copy(update={"threshold": threshold, "lower_threshold": threshold})
        for postprocess in postprocesses
        for threshold in THRESHOLDS
    ]
    found = detect_with_each(at_thresholds, view, predict, settings, tissue_map(view), members, BATCH_SIZE)
    millimetres = region.spacing_um / 1000
    counts = [match(region.figures * millimetres, detections.points * millimetres) for detections in found]
    return [counts[start : start + len(THRESHOLDS)] for start in range(0, len(counts), len(THRESHOLDS))]

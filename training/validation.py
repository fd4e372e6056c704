"""Validation with the shipped tiling and merging and the official metric."""

from collections.abc import Sequence

from algorithm.detectors.segmentation import Predict, SegmentationSettings, detect_with_each
from algorithm.images.resampled import ResampledImage
from algorithm.manifest import Postprocess
from algorithm.tissue import tissue_map
from evaluation.matching import Counts, match
from evaluation.thresholds import OperatingPoint, best_point, strictest_point
from training.data.regions import Region, RegionImage
from training.recipe import Recipe

THRESHOLDS = tuple(round(0.2 + 0.05 * step, 2) for step in range(16))
BATCH_SIZE = 8


def metrics(point: OperatingPoint) -> dict[str, float]:
    """As a run's metrics call them."""
    return {
        "validation_f1": point.counts.f1,
        "validation_precision": point.counts.precision,
        "validation_recall": point.counts.recall,
        "threshold": point.threshold,
    }


def best_score(predict: Predict, regions: Sequence[Region], recipe: Recipe) -> OperatingPoint:
    """Detect in every region at each threshold: the one of the best F1, or as the recipe's `threshold_cost` says."""
    return best_scores(predict, regions, recipe, [recipe.postprocess])[0]


def best_scores(
    predict: Predict, regions: Sequence[Region], recipe: Recipe, postprocesses: Sequence[Postprocess]
) -> list[OperatingPoint]:
    """As `best_score`, for several ways of reading the same maps; the network runs once."""
    totals = [[Counts() for _ in THRESHOLDS] for _ in postprocesses]
    for region in regions:
        for row, counts in zip(totals, counts_at_thresholds(predict, region, recipe, postprocesses), strict=True):
            row[:] = [total + more for total, more in zip(row, counts, strict=True)]
    return [_chosen(row, recipe.threshold_cost) for row in totals]


def _chosen(totals: Sequence[Counts], cost: float) -> OperatingPoint:
    points = [OperatingPoint(threshold, counts) for threshold, counts in zip(THRESHOLDS, totals, strict=True)]
    return strictest_point(points, cost) if cost else best_point(points)


def counts_at_thresholds(
    predict: Predict, region: Region, recipe: Recipe, postprocesses: Sequence[Postprocess]
) -> list[list[Counts]]:
    """Detections of one region against its annotations, as the challenge counts them.

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
    found = detect_with_each(at_thresholds, view, predict, settings, tissue_map(view), members=1, batch_size=BATCH_SIZE)
    millimetres = region.spacing_um / 1000
    counts = [match(region.figures * millimetres, detections.points * millimetres) for detections in found]
    return [counts[start : start + len(THRESHOLDS)] for start in range(0, len(counts), len(THRESHOLDS))]

"""Validation with the shipped tiling and merging and the official metric."""

from collections.abc import Sequence
from dataclasses import dataclass

from algorithm.detectors.segmentation import Predict, SegmentationSettings, detect_with_each
from algorithm.images.resampled import ResampledImage
from algorithm.tissue import tissue_map
from evaluation.matching import Counts, match
from training.data.regions import Region, RegionImage
from training.recipe import Recipe

THRESHOLDS = tuple(round(0.2 + 0.05 * step, 2) for step in range(14))
BATCH_SIZE = 8


@dataclass(frozen=True)
class Score:
    """The best threshold of those tried, and the counts it gives."""

    threshold: float
    counts: Counts


def best_score(predict: Predict, regions: Sequence[Region], recipe: Recipe) -> Score:
    """Detect in every region at each threshold; equal figures go to the threshold nearest 0.5."""
    totals = {threshold: Counts() for threshold in THRESHOLDS}
    for region in regions:
        for threshold, counts in zip(THRESHOLDS, counts_at_thresholds(predict, region, recipe), strict=True):
            totals[threshold] += counts
    best = max(totals, key=lambda threshold: (round(totals[threshold].f1, 6), -abs(threshold - 0.5)))
    return Score(best, totals[best])


def counts_at_thresholds(predict: Predict, region: Region, recipe: Recipe) -> list[Counts]:
    """Detections of one region against its annotations, as the challenge counts them, at each of THRESHOLDS."""
    view = ResampledImage(RegionImage(region), recipe.input.resolution_um_px)
    settings = SegmentationSettings(
        tile_px=recipe.input.tile_px, overlap=recipe.input.overlap, postprocess=recipe.postprocess
    )
    postprocesses = [
        recipe.postprocess.model_copy(update={"threshold": threshold, "lower_threshold": threshold})
        for threshold in THRESHOLDS
    ]
    found = detect_with_each(postprocesses, view, predict, settings, tissue_map(view), members=1, batch_size=BATCH_SIZE)
    millimetres = region.spacing_um / 1000
    return [
        match(region.figures * millimetres, detections.points[detections.scores >= threshold] * millimetres)
        for threshold, detections in zip(THRESHOLDS, found, strict=True)
    ]

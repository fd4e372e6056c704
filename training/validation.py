"""Validation with the shipped tiling and merging and the official metric."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from algorithm.detections import Detections
from algorithm.detectors import boxes, nuclei
from algorithm.detectors.base import Predict
from algorithm.detectors.boxes import BoxesSettings
from algorithm.detectors.nuclei import Judge, NucleiSettings
from algorithm.detectors.segmentation import SegmentationSettings, detect_with_each
from algorithm.images.resampled import ResampledImage
from algorithm.manifest import Thresholds
from algorithm.tissue import tissue_map
from evaluation.matching import Counts, match
from evaluation.thresholds import OperatingPoint, best_point, strictest_point
from training.data.nuclei import nuclei_of
from training.data.regions import Region, RegionImage
from training.data.split import Split, searched
from training.recipe import BoxesRecipe, DetectionRecipe, NucleiRecipe, TileRecipe
from training.second_stage import confirmed

THRESHOLDS = tuple(round(0.2 + 0.05 * step, 2) for step in range(16))
BATCH_SIZE, CROPS_AT_ONCE = 8, 64
Finder = Predict | Judge
"""A network as its way of detecting calls it, on tiles or on crops."""


def metrics(point: OperatingPoint) -> dict[str, float]:
    """Of the regions that chose the threshold, as a run's metrics call them."""
    return {**_figures("validation", point.counts), "threshold": point.threshold}


def tested_metrics(predict: Finder, split: Split, recipe: DetectionRecipe, threshold: float) -> dict[str, float]:
    """Of the held-out domain, at a threshold that it did not choose; empty where folds are by slide."""
    if not split.tested:
        return {}
    (totals,) = _totals(predict, searched(split.tested), recipe, [recipe.postprocess])
    return _figures("tested", totals[THRESHOLDS.index(threshold)])


def _figures(part: str, counts: Counts) -> dict[str, float]:
    return {f"{part}_f1": counts.f1, f"{part}_precision": counts.precision, f"{part}_recall": counts.recall}


def best_score(predict: Finder, regions: Sequence[Region], recipe: DetectionRecipe, members: int = 1) -> OperatingPoint:
    """Detect in every region at each threshold: the one of the best F1, or as the recipe's `threshold_cost` says."""
    return best_scores(predict, regions, recipe, [recipe.postprocess], members)[0]


def best_scores(
    predict: Finder,
    regions: Sequence[Region],
    recipe: DetectionRecipe,
    postprocesses: Sequence[Thresholds],
    members: int = 1,
) -> list[OperatingPoint]:
    """As `best_score`, for several ways of reading the same maps; the network runs once."""
    return [_chosen(row, recipe.threshold_cost) for row in _totals(predict, regions, recipe, postprocesses, members)]


def _totals(
    predict: Finder,
    regions: Sequence[Region],
    recipe: DetectionRecipe,
    postprocesses: Sequence[Thresholds],
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
    predict: Finder, region: Region, recipe: DetectionRecipe, postprocesses: Sequence[Thresholds], members: int = 1
) -> list[list[Counts]]:
    """Detections of one region against its annotations, as the challenge counts them; of the mean of the members, and
    after the recipe's second stage.

    One row for each of the postprocesses, in it one entry for each of THRESHOLDS.
    """
    found = detections_in(region, predict, recipe, postprocesses, THRESHOLDS, members)
    if recipe.second_stage is not None:
        found = confirmed(found, region, recipe.second_stage)
    millimetres = region.spacing_um / 1000
    counts = [match(region.figures * millimetres, detections.points * millimetres) for detections in found]
    return [counts[start : start + len(THRESHOLDS)] for start in range(0, len(counts), len(THRESHOLDS))]


def detections_in(
    region: Region,
    predict: Finder,
    recipe: DetectionRecipe,
    postprocesses: Sequence[Thresholds],
    thresholds: Sequence[float],
    members: int = 1,
) -> list[Detections]:
    """What the algorithm's own tiling and merging, by the recipe's way of detecting, find in a region; its px.

    Before any second stage.

    With the first of the postprocesses at each of the thresholds, which rise, then with the next, and so on.
    """
    view = ResampledImage(RegionImage(region), recipe.input.resolution_um_px)
    find: Any = _by_segmentation
    if isinstance(recipe, BoxesRecipe):
        find = _by_boxes
    elif isinstance(recipe, NucleiRecipe):
        find = partial(_by_nuclei, region)
    found: list[Detections] = find(view, predict, recipe, postprocesses, thresholds, members)
    return found


def _by_segmentation(
    view: ResampledImage,
    predict: Predict,
    recipe: TileRecipe,
    postprocesses: Sequence[Thresholds],
    thresholds: Sequence[float],
    members: int,
) -> list[Detections]:
    """Where a map is cut changes what hangs together, so it is read at each threshold."""
    at_thresholds = [_cut_at(postprocess, threshold) for postprocess in postprocesses for threshold in thresholds]
    settings = SegmentationSettings(**_tiling(recipe), postprocess=recipe.postprocess)
    return detect_with_each(at_thresholds, view, predict, settings, tissue_map(view), members, BATCH_SIZE)


def _by_boxes(
    view: ResampledImage,
    predict: Predict,
    recipe: TileRecipe,
    postprocesses: Sequence[Thresholds],
    thresholds: Sequence[float],
    members: int,
) -> list[Detections]:
    """What is found at a threshold is part of what is found at a lower one."""
    found = []
    for postprocess in postprocesses:
        settings = BoxesSettings(**_tiling(recipe), postprocess=_cut_at(postprocess, thresholds[0]))
        all_found = boxes.detect(view, predict, settings, tissue_map(view), members, BATCH_SIZE)
        found += _at_thresholds(all_found, thresholds)
    return found


def _by_nuclei(
    region: Region,
    view: ResampledImage,
    predict: Judge,
    recipe: NucleiRecipe,
    postprocesses: Sequence[Thresholds],
    thresholds: Sequence[float],
    members: int,
) -> list[Detections]:
    """As with boxes: of two detections that are one the better stays, whatever the threshold."""
    found, points = [], nuclei_of(region, recipe.candidates)
    for postprocess in postprocesses:
        settings = NucleiSettings(
            patch_px=recipe.input.patch_px,
            candidates=recipe.candidates,
            postprocess=_cut_at(postprocess, thresholds[0]),
        )
        all_found = nuclei.detect(view, points, predict, settings, tissue_map(view), members, CROPS_AT_ONCE)
        found += _at_thresholds(all_found, thresholds)
    return found


def _at_thresholds(found: Detections, thresholds: Sequence[float]) -> list[Detections]:
    return [found.select(found.scores >= threshold) for threshold in thresholds]


def _cut_at(postprocess: Any, threshold: float) -> Any:
    return postprocess.model_copy(update={"threshold": threshold, "lower_threshold": threshold})


def _tiling(recipe: TileRecipe) -> dict[str, Any]:
    return {"tile_px": recipe.input.tile_px, "overlap": recipe.input.overlap}

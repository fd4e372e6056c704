"""Validation with the shipped tiling and merging and the official metric."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algorithm.detectors.segmentation import Predict, SegmentationSettings, detect
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
    """Detect in every region at each threshold; the network runs once. Ties go to the threshold nearest 0.5."""
    totals = {threshold: Counts() for threshold in THRESHOLDS}
    for region in regions:
        recorded = _Recorded(predict)
        for threshold in THRESHOLDS:
            totals[threshold] += count(recorded.replayed(), region, recipe, threshold)
    best = max(totals, key=lambda threshold: (round(totals[threshold].f1, 6), -abs(threshold - 0.5)))
    return Score(best, totals[best])


def count(predict: Predict, region: Region, recipe: Recipe, threshold: float) -> Counts:
    """Detections of one region against its annotations, as the challenge counts them."""
    view = ResampledImage(RegionImage(region), recipe.input.resolution_um_px)
    lower = min(recipe.postprocess.lower_threshold, threshold)
    postprocess = recipe.postprocess.model_copy(update={"threshold": threshold, "lower_threshold": lower})
    settings = SegmentationSettings(tile_px=recipe.input.tile_px, overlap=recipe.input.overlap, postprocess=postprocess)
    found = detect(view, predict, settings, tissue_map(view), members=1, batch_size=BATCH_SIZE)
    millimetres = region.spacing_um / 1000
    return match(region.figures * millimetres, found.points[found.scores >= threshold] * millimetres)


class _Recorded:
    """Keeps what the network said of a region's batches, since they come in the same order at every threshold."""

    def __init__(self, predict: Predict) -> None:
        self._predict = predict
        self._said: list[NDArray[np.float32]] = []

    def replayed(self) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
        """A Predict that starts at the first batch."""
        position = 0

        def predict(tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
            nonlocal position
            if position == len(self._said):
                self._said.append(self._predict(tiles))
            position += 1
            return self._said[position - 1]

        return predict

"""Detection by segmentation: maps of probability, their components, a point and a score for each.

The way of the published system (VM-UNet, MIDOG 2025): mean of overlapping tiles, mean of the members, threshold, small
components dropped, dilation by a disk, connected components, centre of the smallest rectangle however turned.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from algorithm.detections import Detections
from algorithm.detectors.base import Predict, Progress, Tiling, tell
from algorithm.detectors.blending import BlendedRows
from algorithm.detectors.figures import FigureFinder
from algorithm.images.resampled import ResampledImage
from algorithm.manifest import Postprocess
from algorithm.prefetch import ahead, tile_batches
from algorithm.tiles import blend_weights
from algorithm.tissue import TissueMap


class SegmentationSettings(Tiling):
    """How tiles are laid and how maps become detections."""

    postprocess: Postprocess


def detect(
    view: ResampledImage,
    predict: Predict,
    settings: SegmentationSettings,
    tissue: TissueMap,
    members: int,
    batch_size: int,
    progress: Progress | None = None,
) -> Detections:
    """Find mitotic figures, and candidates down to the lower threshold, in a view of an image.

    The score of a detection is the highest mean probability inside its component before dilation; below the threshold
    it is a candidate. Points are in level-0 px. Memory is bounded by the width of the view times the height of a tile.
    The result does not depend on the size of the batches, as far as `predict` does not.
    """
    (found,) = detect_with_each([settings.postprocess], view, predict, settings, tissue, members, batch_size, progress)
    return found


def detect_with_each(
    postprocesses: Sequence[Postprocess],
    view: ResampledImage,
    predict: Predict,
    settings: SegmentationSettings,
    tissue: TissueMap,
    members: int,
    batch_size: int,
    progress: Progress | None = None,
) -> list[Detections]:
    """As `detect`, once for each of several thresholds or other ways of reading one map; the network runs once."""
    finders = [FigureFinder(view.width, members, postprocess, view.spacing_um) for postprocess in postprocesses]
    for rows in _probability_rows(view, predict, settings, tissue, members, batch_size, progress):
        for finder in finders:
            finder.push(rows)
    return [_at_level0(finder.finish(), view) for finder in finders]


def _at_level0(found: Detections, view: ResampledImage) -> Detections:
    points = np.maximum(view.to_level0(found.points), 0)  # a finer view has pixel centres left of the first pixel's
    return Detections(points, found.scores, found.member_scores)


def _probability_rows(
    view: ResampledImage,
    predict: Predict,
    settings: SegmentationSettings,
    tissue: TissueMap,
    members: int,
    batch_size: int,
    progress: Progress | None,
) -> Iterator[NDArray[np.float32]]:
    """The map of probability from above, band by band, each (M, H, W) and no higher than a tile."""
    grid = settings.grid(tissue)
    weights = blend_weights(settings.tile_px, settings.postprocess.blending)
    rows = BlendedRows(view.width, view.height, weights, members)
    done = 0
    batches = tile_batches(view, grid, batch_size)
    predicted = ((batch, predict(batch.pixels)) for batch in batches)
    for batch, probabilities in ahead(predicted, 1):
        if probabilities.shape != (members, *batch.pixels.shape[:3]):
            raise ValueError(
                f"probabilities {probabilities.shape} for tiles {batch.pixels.shape} and {members} members"
            )
        for index, (x, y) in enumerate(batch.places):
            yield from rows.advance(y)
            rows.add(x, probabilities[:, index])
        done += len(batch.places)
        tell(progress, done, grid.with_tissue, tissue.area_mm2)
    yield from rows.finish()

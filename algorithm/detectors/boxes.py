"""Detection by boxes: of overlapping tiles, fused over members and views, merged by the distance of their centres.

The way of the published system (RTMDet-S with a bag of tricks, MIDOG 2025): suppression within each member's view,
weighted fusion over all of them, one detection within 7.5 um.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from algorithm.boxes_manifest import BoxesPostprocess
from algorithm.detections import Detections
from algorithm.detectors.base import Predict, Progress, Tiling, tell
from algorithm.detectors.fusion import Fused, fuse, suppressed
from algorithm.detectors.views import VIEWS
from algorithm.images.resampled import ResampledImage
from algorithm.merging import merged_into
from algorithm.prefetch import ahead, tile_batches
from algorithm.tissue import TissueMap

FIGURE = 4
"""The row of a network's answer with the logits of mitotic figures, below the boxes' four."""


class BoxesSettings(Tiling):
    """How tiles are laid and how boxes become detections."""

    postprocess: BoxesPostprocess


def detect(
    view: ResampledImage,
    predict: Predict,
    settings: BoxesSettings,
    tissue: TissueMap,
    members: int,
    batch_size: int,
    progress: Progress | None = None,
) -> Detections:
    """Find mitotic figures, and candidates down to the lower threshold, in a view of an image; points in level-0 px.

    predict: tiles (B, H, W, 3) uint8 RGB to (M, B, 4 + classes, N), boxes and logits as the manifest has them. A
    detection's score is the mean of the sources' scores that were fused, a source being one member in one view; a
    member's score is the mean over its views. Memory grows with what is found, not with the view.
    """
    postprocess, grid = settings.postprocess, settings.grid(tissue)
    points, scores, member_scores, done = [np.empty((0, 2))], [np.empty(0)], [np.empty((0, members))], 0
    batches = tile_batches(view, grid, batch_size)
    predicted = ((batch, _answers(predict, batch.pixels, postprocess)) for batch in batches)
    for batch, answers in ahead(predicted, 1):
        if answers.shape[1:3] != (members, len(batch.places)):
            raise ValueError(f"boxes {answers.shape} for tiles {batch.pixels.shape} and {members} members")
        for index, place in enumerate(batch.places):
            fused = _fused(answers[:, :, index], settings)
            centres = (fused.boxes[:, :2] + fused.boxes[:, 2:]) / 2 + place
            own = grid.own(place, centres) & (fused.scores >= postprocess.lower_threshold)
            points.append(centres[own])
            scores.append(fused.scores[own])
            by_view = fused.source_scores[own].reshape(-1, answers.shape[0], members)
            member_scores.append(by_view.mean(axis=1))
        done += len(batch.places)
        tell(progress, done, grid.with_tissue, tissue.area_mm2)
    found = [np.concatenate(parts) for parts in (points, scores, member_scores)]
    stays = merged_into(found[0], found[1], postprocess.merge_radius_um / view.spacing_um) == np.arange(len(found[0]))
    kept, kept_scores, kept_member_scores = (values[stays] for values in found)
    level0 = np.maximum(view.to_level0(kept), 0)  # a finer view has pixel centres left of the first pixel's
    return Detections(level0, kept_scores, kept_member_scores)


def _answers(predict: Predict, tiles: NDArray[np.uint8], postprocess: BoxesPostprocess) -> NDArray[np.float32]:
    """Of every view, (V, M, B, 4 + classes, N), boxes as seen there."""
    return np.stack([predict(seen.of(tiles)) for seen in VIEWS[postprocess.views]])


def _fused(answers: NDArray[np.float32], settings: BoxesSettings) -> Fused:
    """Of one tile, answers (V, M, 4 + classes, N): its boxes in px of the tile, one for each thing seen."""
    postprocess = settings.postprocess
    boxes, scores, sources = [np.empty((0, 4))], [np.empty(0)], [np.empty(0, np.int64)]
    views = VIEWS[postprocess.views]
    for source, answer in enumerate(answers.reshape(-1, *answers.shape[2:])):
        probabilities = expit(answer[FIGURE].astype(np.float64))
        likely = probabilities >= postprocess.lower_threshold
        seen = views[source // answers.shape[1]].back(answer[:4, likely].T.astype(np.float64), settings.tile_px)
        stay = suppressed(seen, probabilities[likely], postprocess.suppression_iou)
        boxes.append(seen[stay])
        scores.append(probabilities[likely][stay])
        sources.append(np.full(len(stay), source))
    together = np.concatenate(boxes), np.concatenate(scores), np.concatenate(sources)
    return fuse(*together, sources=answers.shape[0] * answers.shape[1], iou=postprocess.fusion_iou)

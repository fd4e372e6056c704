"""Detection about nuclei: a crop around each, its probability, and the place by the class activation map.

The way of the published system (MitDet, "Rethinking Mitosis Detection"): nuclei by their haematoxylin, a network that
judges crops, no tiles. Unlike its code a detection's score is that of its own crop, whatever its neighbours' are, and
detections within 7.5 um are one.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from algorithm.detections import Detections
from algorithm.detectors.activation import place_in_crop
from algorithm.detectors.base import Progress, tell
from algorithm.images.resampled import ResampledImage
from algorithm.merging import merged_into
from algorithm.nuclei_manifest import CandidateSettings, NucleiPostprocess
from algorithm.patches import cut_patch, first_px, mirrored
from algorithm.prefetch import BATCHES_AHEAD, Strip, ahead
from algorithm.runtime import Judged
from algorithm.settings import Settings
from algorithm.size import Size
from algorithm.tissue import TissueMap

CELL_PX = 256
"""Crops about neighbouring nuclei share pixels: of each square of this side those of all its crops are read at once."""
Judge = Callable[[NDArray[np.uint8]], Judged]
"""Crops (B, P, P, 3) uint8 RGB to what the members say."""


class NucleiSettings(Settings):
    """How nuclei are found and cut out, and how crops become detections."""

    patch_px: int
    candidates: CandidateSettings
    postprocess: NucleiPostprocess


class Crops(NamedTuple):
    """Crops (B, P, P, 3) uint8 and where each begins, (B, 2) x then y, px of the view, beyond its border too."""

    corners: NDArray[np.int64]
    pixels: NDArray[np.uint8]


def detect(
    view: ResampledImage,
    nuclei: NDArray[np.float64],
    predict: Judge,
    settings: NucleiSettings,
    tissue: TissueMap,
    members: int,
    batch_size: int,
    progress: Progress | None = None,
) -> Detections:
    """Find mitotic figures, and candidates down to the lower threshold, among nuclei (N, 2), x then y, px at level 0.

    nuclei: as `candidates` finds them, or any other points. A score is the mean of the members' probabilities for one
    crop. Points are in level-0 px. Memory grows with the nuclei and what is found, not with the view.
    """
    postprocess, side = settings.postprocess, settings.patch_px
    points, found, done = [np.empty((0, 2))], [np.empty((0, members))], 0
    batches = ahead(_batches(_crops(view, view.from_level0(nuclei), side), batch_size), BATCHES_AHEAD)
    for crops, judged in ahead(((batch, predict(batch.pixels)) for batch in batches), 1):
        if judged.probabilities.shape != (members, len(crops.corners)):
            raise ValueError(f"{judged.probabilities.shape} for {len(crops.corners)} crops and {members} members")
        likely = np.flatnonzero(_mean(judged.probabilities.T) >= postprocess.lower_threshold)
        places = [place_in_crop(judged.activations[:, index], side) for index in likely]
        points.append(crops.corners[likely] + np.array(places).reshape(-1, 2))
        found.append(judged.probabilities.T[likely].astype(np.float64))
        done += len(crops.corners)
        tell(progress, done, len(nuclei), tissue.area_mm2)
    inside = mirrored(np.concatenate(points), np.array([view.width, view.height]))
    member_scores = np.concatenate(found)
    scores = _mean(member_scores)
    stays = merged_into(inside, scores, postprocess.merge_radius_um / view.spacing_um) == np.arange(len(scores))
    level0 = np.maximum(view.to_level0(inside[stays]), 0)  # a finer view has pixel centres left of the first pixel's
    return Detections(level0, scores[stays], member_scores[stays])


def _mean(member_scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Of the members (N, M), whatever their order."""
    return np.asarray(np.sort(member_scores.astype(np.float64), axis=1).mean(axis=1))


def _batches(crops: Iterator[tuple[tuple[int, int], NDArray[np.uint8]]], batch_size: int) -> Iterator[Crops]:
    while batch := list(islice(crops, batch_size)):
        corners, pixels = zip(*batch, strict=True)
        yield Crops(np.array(corners), np.stack(pixels))


def _crops(
    view: ResampledImage, points: NDArray[np.float64], side: int
) -> Iterator[tuple[tuple[int, int], NDArray[np.uint8]]]:
    """The crop about each point (N, 2), px of the view, mirrored where the view ends, and where it begins."""
    margin = side // 2 + 1
    strip = Strip(view, Size.square(CELL_PX + 2 * margin))
    columns, rows = (points // CELL_PX).astype(np.int64).T
    for row in np.unique(rows).tolist():
        cells = np.unique(columns[rows == row])
        strip.move(max(0, row * CELL_PX - margin), np.maximum(0, cells * CELL_PX - margin).tolist())
        for x, y in points[rows == row].tolist():
            yield (first_px(x, side), first_px(y, side)), cut_patch(strip, x, y, side)

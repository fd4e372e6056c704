"""A mixed ensemble: bundles that detect each in a way of its own, and their detections fused.

Every bundle detects as it does alone, with its second stage if it has one, down to its own lower threshold. Then
detections of different bundles that mean one figure become one, whose score is the mean over all bundles.
"""

import math
import time
from collections.abc import Sequence

import numpy as np

from algorithm import detectors
from algorithm.bundle import Bundle
from algorithm.detections import Detections
from algorithm.detectors import Detector, Judging, Progress, Result
from algorithm.images.base import Image
from algorithm.merging import grouped
from algorithm.runtime import DeviceOption
from algorithm.scale import Scale

FUSION_RADIUS_UM = 7.5
"""The distance within which the challenge counts a detection as a hit: so close, two bundles mean one figure."""
LEAST_WEIGHT = 1e-30
"""Of a point whose score is 0, as a second stage may leave it: alone it still has its place."""


class MixedEnsemble:
    """Several bundles ready to run on images, one after the other; used as a `Detector` is.

    threshold: the mean of the bundles' own decision thresholds, or what was asked for. Scores of different bundles are
    not on one scale, but each bundle's threshold says where it is in two minds: so scores are stretched until all
    thresholds lie on their mean (`Scale`), and then averaged. Stretched probabilities stay between 0 and 1, so none
    outvotes the others by being overconfident, as it would with logits. For bundles of one threshold nothing is
    stretched; a bundle together with itself finds what it finds alone.
    parts: the detectors, in the order of the bundles, each at the threshold that the ensemble's is for it.
    """

    def __init__(
        self,
        bundles: Sequence[Bundle],
        device: DeviceOption = "auto",
        overlap: float | None = None,
        threshold: float | None = None,
    ) -> None:
        thresholds = [bundle.manifest.postprocess.threshold for bundle in bundles]
        common = _mean(thresholds)
        self.threshold = common if threshold is None else threshold
        self._scales = [Scale(own=own, common=common) for own in thresholds]
        self.parts: tuple[Detector, ...] = tuple(
            detectors.load(bundle, device, overlap, scale.back(self.threshold))
            for bundle, scale in zip(bundles, self._scales, strict=True)
        )

    def detect(self, image: Image, progress: Progress | None = None, judging: Judging | None = None) -> Result:
        """Find mitotic figures in an open image; points are in level-0 px, a "member" of the detections is a bundle.

        Tiles and seconds are summed over the bundles, tissue is the mean of theirs: they see it at their own
        resolutions. Whatever order the bundles are given in, points and scores are the same bytes on a CPU. Raises
        InputError where the image turns out to be damaged.
        """
        surveys = [part.survey(image) for part in self.parts]
        tissue_mm2 = _mean([survey.tissue.area_mm2 for survey in surveys])
        total = sum(survey.work.run for survey in surveys)
        results: list[Result] = []
        for part, survey in zip(self.parts, surveys, strict=True):
            before = sum(result.tiles_run for result in results)
            results.append(part.detect_in(survey, _part_of(progress, before, total, tissue_mm2), judging))
        begun = time.perf_counter()
        detections = self._fused([result.detections for result in results], image.spacing_um)
        stages = dict.fromkeys(stage for result in results for stage in result.seconds)
        seconds = {stage: sum(result.seconds.get(stage, 0.0) for result in results) for stage in stages}
        seconds["fusion"] = time.perf_counter() - begun
        tiles_total = sum(result.tiles_total for result in results)
        return Result(detections, self.threshold, tissue_mm2, tiles_total, total, seconds)

    def _fused(self, found: Sequence[Detections], spacing_um: tuple[float, float]) -> Detections:
        scaled = [
            Detections(each.points, scale.of(each.scores), each.member_scores)
            for each, scale in zip(found, self._scales, strict=True)
        ]
        lowest = [
            float(scale.of(part.postprocess.lower_threshold))
            for part, scale in zip(self.parts, self._scales, strict=True)
        ]
        return fused(scaled, lowest, spacing_um)


AnyDetector = Detector | MixedEnsemble


def load(
    bundles: Sequence[Bundle],
    device: DeviceOption = "auto",
    overlap: float | None = None,
    threshold: float | None = None,
) -> AnyDetector:
    """The detector of one bundle, or the mixed ensemble of several; raises as `detectors.load`."""
    if len(bundles) == 1:
        return detectors.load(bundles[0], device, overlap, threshold)
    return MixedEnsemble(bundles, device, overlap, threshold)


def fused(found: Sequence[Detections], lowest: Sequence[float], spacing_um: tuple[float, float]) -> Detections:
    """What several bundles found, their scores on one scale, as detections whose members are the bundles.

    lowest: down to which score each of them reports. spacing_um: (x, y), um/px at level 0. Detections within
    FUSION_RADIUS_UM are one, the closest pairs first, but never two of one bundle, which tells its own apart. The score
    is the mean over all bundles; of one that has no detection there only so much is known as that its score lies
    between 0 and its lowest, so half of that counts. The point is the mean weighted by the scores.
    """
    points = np.concatenate([each.points for each in found])
    scores = np.concatenate([each.scores for each in found])
    bundle = np.repeat(np.arange(len(found)), [len(each) for each in found])
    order = np.lexsort((scores, points[:, 0], points[:, 1]))  # so that sums do not depend on the bundles' order
    points, scores, bundle = points[order], scores[order], bundle[order]
    figures, figure = np.unique(grouped(points * spacing_um, bundle, FUSION_RADIUS_UM), return_inverse=True)
    by_bundle = np.tile(np.array(lowest) / 2, (len(figures), 1))
    by_bundle[figure, bundle] = scores
    weights = np.maximum(scores, LEAST_WEIGHT)
    weight = np.bincount(figure, weights)
    centres = np.stack([np.bincount(figure, weights * axis) / weight for axis in points.T], axis=1)
    return Detections(centres, np.sort(by_bundle, axis=1).mean(axis=1), by_bundle)


def _mean(values: Sequence[float]) -> float:
    """In whatever order they stand."""
    return math.fsum(values) / len(values)


def _part_of(progress: Progress | None, before: int, total: int, tissue_mm2: float) -> Progress | None:
    """The progress of a bundle that runs when so many of all tiles are done, told as that of all bundles."""
    if progress is None:
        return None

    def told(done: int, _tiles: int, _mm2_done: float, _mm2: float) -> None:
        progress(before + done, total, tissue_mm2 * (before + done) / total, tissue_mm2)

    return told

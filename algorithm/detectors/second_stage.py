"""A second stage: what a detector finds is judged once more, by a network that looks at a crop about each detection.

The published RTMDet-S ("bag of tricks", MIDOG 2025) tried one and dropped it; others gained by theirs. A bundle has
none unless it was exported with one, or one is asked for.
"""

import dataclasses
import time

import numpy as np
from numpy.typing import NDArray

from algorithm.bundle import Bundle
from algorithm.detections import Detections
from algorithm.detectors.base import Judging, Result
from algorithm.images.base import Image
from algorithm.nuclei_manifest import NucleiManifest
from algorithm.patches import figure_patches, in_batches
from algorithm.runtime import CropEnsemble, DeviceOption
from algorithm.scale import Scale


class SecondStage:
    """A bundle that judges crops (algorithm/bundle.py, load_second_stage), ready to judge what another one finds.

    device, providers: what its sessions say they use. Raises BundleError and AlgorithmError as Members does.
    """

    def __init__(self, bundle: Bundle, device: DeviceOption = "auto") -> None:
        manifest = bundle.manifest
        assert isinstance(manifest, NucleiManifest)
        self.bundle, self._manifest = bundle, manifest
        self._judges = CropEnsemble(bundle, device)
        self.device, self.providers = self._judges.device, self._judges.providers

    @property
    def threshold(self) -> float:
        """The bundle's own decision threshold."""
        return self._manifest.postprocess.threshold

    def judge(self, image: Image, result: Result, progress: Judging | None = None) -> Result:
        """The result with the lower of two scores for every detection: the detector's, and the second stage's.

        The second stage's is stretched until its own threshold lies on the detector's, so that a figure is what both
        take for one; and nothing becomes one that was none. Members' scores stay the detector's. Raises as
        `probabilities` does.
        """
        begun = time.perf_counter()
        found = result.detections
        scale = Scale(own=self.threshold, common=result.threshold)
        second = scale.of(self.probabilities(image, found.points, progress))
        return dataclasses.replace(
            result,
            detections=Detections(found.points, np.minimum(found.scores, second), found.member_scores),
            seconds={**result.seconds, "second stage": time.perf_counter() - begun},
        )

    def probabilities(
        self, image: Image, points: NDArray[np.float64], progress: Judging | None = None
    ) -> NDArray[np.float64]:
        """P(mitotic figure), the mean of the members, about points (N, 2), x then y, px at level 0.

        Raises InputError where the image turns out to be damaged, BundleError as CropEnsemble does.
        """
        judged, done = [np.empty((len(self._manifest.members), 0), np.float32)], 0
        patches = figure_patches(image, points, self._manifest.input)
        for batch in in_batches(patches, self._judges.batch_size):
            judged.append(self._judges(batch).probabilities)
            done += len(batch)
            if progress is not None:
                progress(done, len(points))
        return np.asarray(np.sort(np.concatenate(judged, axis=1), axis=0).mean(axis=0))

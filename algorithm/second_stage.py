"""A second stage: what a detector finds is judged once more, by a network that looks at a crop about each detection.

The published RTMDet-S ("bag of tricks", MIDOG 2025) tried one and dropped it; others gained by theirs. It is off unless
asked for.
"""

import dataclasses
import time

import numpy as np

from algorithm.bundle import Bundle
from algorithm.classifier import Counter
from algorithm.detections import Detections
from algorithm.detectors import Result
from algorithm.errors import AlgorithmError
from algorithm.images.base import Image
from algorithm.mixed import Scale
from algorithm.nuclei_manifest import NucleiManifest
from algorithm.patches import figure_patches, in_batches
from algorithm.runtime import CropEnsemble, DeviceOption


class SecondStage:
    """A bundle that judges crops (`detector: nuclei`), ready to judge what another one finds.

    device, providers: what its sessions say they use. Raises AlgorithmError for a bundle that judges none, and as
    Members does.
    """

    def __init__(self, bundle: Bundle, device: DeviceOption = "auto") -> None:
        manifest = bundle.manifest
        if not isinstance(manifest, NucleiManifest):
            raise AlgorithmError(
                f"The bundle {manifest.name} cannot be a second stage: its detector is {manifest.detector}.",
                "Give one that judges crops (detector: nuclei).",
            )
        self.bundle, self._manifest = bundle, manifest
        self._judges = CropEnsemble(bundle, device)
        self.device, self.providers = self._judges.device, self._judges.providers

    @property
    def threshold(self) -> float:
        """The bundle's own decision threshold."""
        return self._manifest.postprocess.threshold

    def judge(self, image: Image, result: Result, progress: Counter | None = None) -> Result:
        """The result with the lower of two scores for every detection: the detector's, and the second stage's.

        The second stage's, the mean of its members, is stretched until its own threshold lies on the detector's, so
        that a figure is what both take for one; and nothing becomes one that was none. Members' scores stay the
        detector's. Raises InputError where the image turns out to be damaged, BundleError as CropEnsemble does.
        """
        begun = time.perf_counter()
        found = result.detections
        judged, done = [np.empty((len(self._manifest.members), 0), np.float32)], 0
        patches = figure_patches(image, found.points, self._manifest.input)
        for batch in in_batches(patches, self._judges.batch_size):
            judged.append(self._judges(batch).probabilities)
            done += len(batch)
            if progress is not None:
                progress(done)
        scale = Scale(own=self.threshold, common=result.threshold)
        second = scale.of(np.sort(np.concatenate(judged, axis=1), axis=0).mean(axis=0))
        return dataclasses.replace(
            result,
            detections=Detections(found.points, np.minimum(found.scores, second), found.member_scores),
            seconds={**result.seconds, "second stage": time.perf_counter() - begun},
        )

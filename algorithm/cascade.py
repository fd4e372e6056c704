"""Detection, then typing: every mitotic figure found is cut out again and typed as normal or atypical."""

import dataclasses
import time

import numpy as np

from algorithm.classifier import Classifier, Counter
from algorithm.detectors import Result
from algorithm.images import Image
from algorithm.patches import figure_patches


def type_figures(image: Image, result: Result, classifier: Classifier, progress: Counter | None = None) -> Result:
    """The result with a type for every detection at and above its threshold; candidates are not typed.

    Patches are cut about the points at the classifier's resolution, whatever the detector's. Raises InputError where
    the image turns out to be damaged, BundleError as the classifier does.
    """
    begun = time.perf_counter()
    detections = result.detections
    figures = detections.scores >= result.threshold
    patches = figure_patches(image, detections.points[figures], classifier.bundle.manifest.input)
    types = classifier.classify(patches, progress)
    atypical = np.full(len(detections), np.nan)
    called = np.zeros(len(detections), np.bool_)
    atypical[figures], called[figures] = types.confidences, types.atypical
    return dataclasses.replace(
        result,
        detections=dataclasses.replace(detections, atypical=atypical, called_atypical=called),
        seconds={**result.seconds, "typing": time.perf_counter() - begun},
    )

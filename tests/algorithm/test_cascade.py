"""Every figure is cut out about its point at the classifier's resolution and typed; candidates are left alone."""

from pathlib import Path

import numpy as np
import pytest

from algorithm.bundle import load_classification_bundle
from algorithm.cascade import type_figures
from algorithm.classifier import Classifier
from algorithm.detections import Detections
from algorithm.detectors import Result
from algorithm.images.resampled import ResampledImage
from tests.algorithm.images.drawing import tissue
from tests.arrays import ArrayImage
from tests.tiny_classifier import expected_probabilities, write_tiny_classifier

SIDE = 32
POINTS = np.array([[60.2, 20.0], [20.0, 40.0], [50.7, 40.4], [3.0, 70.0], [96.0, 82.0]])
SCORES = np.array([0.9, 0.3, 0.5, 0.8, 0.7])


def result_of(points: np.ndarray, scores: np.ndarray) -> Result:
    return Result(Detections(points, scores, scores[:, None]), 0.5, 0.1, 4, 4, {"tissue": 1.0, "detection": 2.0})


def classifier(folder: Path, **changes: object) -> Classifier:
    return Classifier(load_classification_bundle(write_tiny_classifier(folder, 3, patch_px=SIDE, **changes)), "cpu")


@pytest.mark.parametrize("resolution_um_px", [0.25, 0.5])
def test_figures_are_typed_at_the_classifiers_resolution_and_candidates_are_not(
    tmp_path: Path, resolution_um_px: float
) -> None:
    image = ArrayImage(tissue())
    typed = type_figures(image, result_of(POINTS, SCORES), classifier(tmp_path, resolution_um_px=resolution_um_px))
    found = typed.detections
    np.testing.assert_array_equal(found.points, POINTS)
    assert found.typed.tolist() == [True, False, True, True, True]
    view = ResampledImage(image, resolution_um_px)
    mirrored = np.pad(view.read(0, 0, view.width, view.height), ((50, 50), (50, 50), (0, 0)), mode="reflect")
    places = view.from_level0(POINTS[SCORES >= 0.5])
    corners = np.floor(places - (SIDE - 1) / 2 + 0.5).astype(int) + 50
    patches = np.stack([mirrored[top : top + SIDE, left : left + SIDE] for left, top in corners])
    expected = expected_probabilities(patches, 3)
    assert found.atypical is not None
    assert found.called_atypical is not None
    np.testing.assert_allclose(found.atypical[found.typed], expected.mean(axis=1), atol=1e-5)
    np.testing.assert_array_equal(found.called_atypical[found.typed], (expected >= 0.5).sum(axis=1) >= 2)
    assert not found.called_atypical[1]
    assert (typed.threshold, typed.tissue_mm2) == (0.5, 0.1)
    assert set(typed.seconds) == {"tissue", "detection", "typing"}


def test_a_region_without_figures_is_typed_too(tmp_path: Path) -> None:
    for points, scores in ((np.empty((0, 2)), np.empty(0)), (POINTS[1:2], SCORES[1:2])):
        found = type_figures(ArrayImage(tissue()), result_of(points, scores), classifier(tmp_path)).detections
        assert not found.typed.any()
        assert found.called_atypical is not None

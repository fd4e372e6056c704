from pathlib import Path

import numpy as np
import pytest

from algorithm import detectors, runtime
from algorithm.bundle import load_bundle
from algorithm.detectors import Detector, Result
from tests.arrays import CANDIDATE, GLASS, ArrayImage, paint_ellipse, plain
from tests.tiny_bundle import write_tiny_bundle


@pytest.fixture
def image() -> ArrayImage:
    """Three figures and a candidate on tissue, glass to the right."""
    pixels = plain(300, 200)
    for x, y in ((40, 50), (150, 60), (100, 160)):
        paint_ellipse(pixels, x, y, 9, 6)
    paint_ellipse(pixels, 60, 120, 9, 7, CANDIDATE)
    pixels[:, 200:] = GLASS
    return ArrayImage(pixels)


def result_of(folder: Path, image: ArrayImage, members: int = 2, **options: float) -> Result:
    bundle = load_bundle(write_tiny_bundle(folder, members))
    return detectors.load(bundle, "cpu", **options).detect(image)


def test_an_image_becomes_a_result(tmp_path: Path, image: ArrayImage) -> None:
    result = result_of(tmp_path, image)
    expected = np.array([(40, 50), (150, 60), (60, 120), (100, 160)])
    assert result.detections.points == pytest.approx(expected, abs=0.51)
    assert (result.detections.scores >= result.threshold).tolist() == [True, True, False, True]
    assert result.detections.member_scores.shape == (4, 2)
    assert result.tissue_mm2 == pytest.approx(208 * 200 * 0.25**2 / 1e6)
    assert (result.tiles_run, result.tiles_total) == (7 * 6, 9 * 6)
    assert set(result.seconds) == {"tissue", "detection"}


def test_overlap_and_threshold_can_be_chosen(tmp_path: Path, image: ArrayImage) -> None:
    bundle = load_bundle(write_tiny_bundle(tmp_path))
    detector: Detector = detectors.load(bundle, "cpu", overlap=0, threshold=0.05)
    assert (detector.overlap, detector.postprocess.threshold, detector.postprocess.lower_threshold) == (0, 0.05, 0.05)
    assert (detector.device, detector.providers) == ("cpu", ("CPUExecutionProvider",))
    result = detector.detect(image)
    assert result.tiles_total == 5 * 4
    assert (result.detections.scores >= result.threshold).all()
    assert len(result.detections) == 4


def test_three_runs_and_any_order_of_members_give_the_same_bytes(tmp_path: Path, image: ArrayImage) -> None:
    bundle = load_bundle(write_tiny_bundle(tmp_path, members=3))
    turned = bundle.manifest.model_copy(update={"members": bundle.manifest.members[::-1]})
    results = [detectors.load(bundle, "cpu").detect(image).detections for _ in range(3)]
    results.append(detectors.load(type(bundle)(turned, bundle.path), "cpu").detect(image).detections)
    assert len({found.points.tobytes() + found.scores.tobytes() for found in results}) == 1
    assert results[-1].member_scores.tolist() == results[0].member_scores[:, ::-1].tolist()


def test_batches_make_no_difference(tmp_path: Path, image: ArrayImage, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = result_of(tmp_path, image).detections
    for size in (1, 7):
        monkeypatch.setattr(runtime, "tiles_at_once", lambda *_, size=size: size)
        found = result_of(tmp_path, image).detections
        assert found.points.tobytes() + found.scores.tobytes() == expected.points.tobytes() + expected.scores.tobytes()

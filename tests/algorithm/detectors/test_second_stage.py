"""Every detection is judged once more about its point; the lower of both scores counts, thresholds on one scale."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from algorithm import detectors
from algorithm.bundle import load_bundle, load_second_stage
from algorithm.detections import Detections
from algorithm.detectors import Result
from algorithm.detectors.second_stage import SecondStage
from algorithm.runtime import CropEnsemble
from tests.arrays import CANDIDATE, ArrayImage, paint_ellipse, plain
from tests.tiny_boxes import write_tiny_boxes
from tests.tiny_bundle import take_along, write_tiny_bundle
from tests.tiny_nuclei import write_tiny_nuclei

SIDE = 32
DARK, PALE = (60.0, 50.0), (140.0, 50.0)


@pytest.fixture
def image() -> ArrayImage:
    """A dark nucleus at DARK; at PALE there is nothing."""
    pixels = plain(200, 100)
    paint_ellipse(pixels, *DARK, 8, 8, (40, 20, 80))
    return ArrayImage(pixels)


def found(*scores: float) -> Result:
    """Detections with these scores, at DARK and PALE."""
    points, values = np.array([DARK, PALE])[: len(scores)], np.array(scores)
    return Result(Detections(points, values, values[:, None]), 0.4, 0.1, 4, 4, {"tissue": 1.0, "detection": 2.0})


def stage(folder: Path, members: int = 2, **postprocess: float) -> SecondStage:
    return SecondStage(load_second_stage(write_tiny_nuclei(folder, members, patch_px=SIDE, **postprocess)), "cpu")


def test_a_figure_is_what_both_take_for_one(tmp_path: Path, image: ArrayImage) -> None:
    judged = stage(tmp_path).judge(image, found(0.7, 0.9))
    assert (judged.detections.scores >= judged.threshold).tolist() == [True, False]
    assert judged.detections.scores[0] == 0.7
    assert judged.detections.member_scores[:, 0].tolist() == [0.7, 0.9]
    assert (judged.threshold, judged.tissue_mm2) == (0.4, 0.1)
    assert set(judged.seconds) == {"tissue", "detection", "second stage"}


def test_what_was_no_figure_becomes_none(tmp_path: Path, image: ArrayImage) -> None:
    assert stage(tmp_path).judge(image, found(0.3)).detections.scores.tolist() == [0.3]


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.9])
def test_its_threshold_counts_as_the_detectors(tmp_path: Path, image: ArrayImage, threshold: float) -> None:
    """A judgement between two thresholds is a figure for the one and none for the other."""
    second = stage(tmp_path, threshold=threshold)
    crops = np.stack([image.read(int(x) - SIDE // 2 + 1, int(y) - SIDE // 2 + 1, SIDE, SIDE) for x, y in (DARK, PALE)])
    probability = CropEnsemble(second.bundle, "cpu")(crops).probabilities.mean(axis=0)
    scores = second.judge(image, found(1.0, 1.0)).detections.scores
    expected = np.interp(probability, (0, threshold, 1), (0, 0.4, 1))
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    assert ((scores >= 0.4) == (probability >= threshold)).all()


def test_nothing_found_is_nothing_judged(tmp_path: Path, image: ArrayImage) -> None:
    told: list[tuple[int, int]] = []
    second = stage(tmp_path)
    assert len(second.judge(image, found(), lambda *progress: told.append(progress)).detections) == 0
    assert told == []
    second.judge(image, found(0.7, 0.9), lambda *progress: told.append(progress))
    assert told == [(2, 2)]


@pytest.mark.parametrize("write", [write_tiny_bundle, write_tiny_boxes, write_tiny_nuclei])
def test_a_bundle_detects_with_the_second_stage_that_it_brings_along(
    tmp_path: Path, image: ArrayImage, write: Callable[[Path], Path]
) -> None:
    """At another threshold than its own: the second stage's is brought there."""
    paint_ellipse(image.pixels, *PALE, 8, 8, CANDIDATE)
    second = write_tiny_nuclei(tmp_path / "second", members=2, patch_px=SIDE, threshold=0.9)
    alone = detectors.load(load_bundle(write(tmp_path / "alone")), "cpu", threshold=0.3)
    both = detectors.load(load_bundle(take_along(write(tmp_path / "both"), second)), "cpu", threshold=0.3)
    found = alone.detect(image)
    expected = SecondStage(load_second_stage(second), "cpu").judge(image, found)
    told: list[tuple[int, int]] = []
    result = both.detect(image, judging=lambda *progress: told.append(progress))
    for name in ("points", "scores", "member_scores"):
        assert getattr(result.detections, name).tobytes() == getattr(expected.detections, name).tobytes()
    assert (result.detections.scores < found.detections.scores).any()
    assert (result.threshold, result.tiles_run) == (0.3, found.tiles_run)
    assert set(result.seconds) == {"tissue", "detection", "second stage"}
    assert told[-1] == (len(found.detections),) * 2

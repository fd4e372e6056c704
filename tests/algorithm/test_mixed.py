"""Bundles that detect together: what becomes of their scores, points and thresholds."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithm import detectors, mixed
from algorithm.bundle import Bundle, load_bundle
from algorithm.detections import Detections
from algorithm.mixed import MixedEnsemble, fused
from algorithm.scale import Scale
from tests.arrays import CANDIDATE, GLASS, ArrayImage, paint_ellipse, plain
from tests.tiny_boxes import write_tiny_boxes
from tests.tiny_bundle import take_along, write_tiny_bundle
from tests.tiny_nuclei import write_tiny_nuclei

SPACING_UM = (0.25, 0.5)
THRESHOLDS = st.floats(0.05, 0.95)


def found(*detections: tuple[float, float, float]) -> Detections:
    """Of a bundle with one member: x, y, score."""
    rows = np.array(detections).reshape(-1, 3)
    return Detections(rows[:, :2], rows[:, 2], rows[:, 2:])


def contents(detections: Detections) -> tuple[list[object], ...]:
    return detections.points.tolist(), detections.scores.tolist(), detections.member_scores.tolist()


def test_scores_are_stretched_until_the_threshold_is_the_common_one() -> None:
    scale = Scale(own=0.8, common=0.4)
    assert scale.of(np.array([0, 0.2, 0.8, 0.9, 1])) == pytest.approx([0, 0.1, 0.4, 0.7, 1])
    assert [scale.back(score) for score in (0, 0.1, 0.4, 0.7, 1)] == pytest.approx([0, 0.2, 0.8, 0.9, 1])


@given(THRESHOLDS, THRESHOLDS, st.floats(0, 1), st.floats(0, 1))
def test_stretching_keeps_order_and_decision(own: float, common: float, one: float, other: float) -> None:
    scale = Scale(own=own, common=common)
    low, high = scale.of(np.array(sorted((one, other))))
    assert 0 <= low <= high <= 1
    assert scale.of(own) == common
    assert scale.back(common) == own
    assert scale.back(float(scale.of(one))) == pytest.approx(one)
    assert scale.of(one) >= common or one < own


def test_a_fused_detection_by_hand() -> None:
    """The first two lie 30 x 0.25 = 7.5 um apart; at (100, 0) and (0, 100) one bundle is alone."""
    first = found((0, 0, 0.9), (100, 0, 0.6))
    second = found((30, 0, 0.3), (0, 100, 0.8))
    together = fused([first, second], [0.1, 0.2], SPACING_UM)
    assert together.points == pytest.approx(np.array([(7.5, 0), (100, 0), (0, 100)]))
    assert together.scores == pytest.approx([0.6, 0.35, 0.425])
    assert together.member_scores == pytest.approx(np.array([(0.9, 0.3), (0.6, 0.1), (0.05, 0.8)]))
    assert together.agreement(0.5) == pytest.approx([0.5, 0.5, 0.5])
    assert together.agreement(0.3) == pytest.approx([1, 0.5, 0.5])


def test_distances_are_in_um_along_either_axis() -> None:
    """15 px of 0.5 um are as far as bundles can mean one figure; a tenth of a px more is too far."""
    for y, count in ((15.0, 1), (15.1, 2)):
        assert len(fused([found((0, 0, 0.9)), found((0, y, 0.9))], [0.1, 0.1], SPACING_UM)) == count


def test_what_one_bundle_tells_apart_stays_apart() -> None:
    """Two figures 2 um from each other; the other bundle's one lies between them, nearer to the second."""
    close = found((0, 0, 0.9), (8, 0, 0.7))
    together = fused([close, found((5, 0, 0.9))], [0.2, 0.2], SPACING_UM)
    assert together.points == pytest.approx(np.array([(0, 0), (8 * 0.7 / 1.6 + 5 * 0.9 / 1.6, 0)]))
    assert together.scores == pytest.approx([0.5, 0.8])


@given(st.integers(0, 10_000), st.integers(2, 4))
def test_the_order_of_the_bundles_does_not_matter(seed: int, bundles: int) -> None:
    """Coarse places and scores, so that distances are often equal."""
    rng = np.random.default_rng(seed)
    each = []
    for _ in range(bundles):
        places = np.unique(rng.integers(0, 12, (rng.integers(0, 8), 2)), axis=0) * 10.0
        each.append(found(*np.hstack((places, rng.integers(2, 10, (len(places), 1)) / 10)).tolist()))
    lowest = (rng.integers(1, 3, bundles) / 10).tolist()
    expected = fused(each, lowest, SPACING_UM)
    assert sum((expected.member_scores[:, b] >= 0.2).sum() for b in range(bundles)) == sum(map(len, each))
    for order in permutations(range(bundles)):
        again = fused([each[b] for b in order], [lowest[b] for b in order], SPACING_UM)
        assert again.points.tobytes() == expected.points.tobytes()
        assert again.scores.tobytes() == expected.scores.tobytes()
        assert again.member_scores.tolist() == expected.member_scores[:, order].tolist()


def test_nothing_found_is_nothing() -> None:
    nothing = fused([Detections.empty(1), Detections.empty(3)], [0.1, 0.2], SPACING_UM)
    assert (nothing.points.shape, nothing.scores.shape, nothing.member_scores.shape) == ((0, 2), (0,), (0, 2))


@pytest.fixture(scope="module")
def image() -> ArrayImage:
    """Three figures, two of them close, and a candidate on tissue, glass to the right."""
    pixels = plain(300, 200)
    for x, y in ((40, 50), (150, 60), (172, 60)):
        paint_ellipse(pixels, x, y, 8, 6)
    paint_ellipse(pixels, 60, 120, 9, 9, CANDIDATE)
    pixels[:, 210:] = GLASS
    return ArrayImage(pixels)


@pytest.fixture(scope="module")
def segments(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(write_tiny_bundle(tmp_path_factory.mktemp("segments"), 2, threshold=0.7))


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("boxes")
    return load_bundle(write_tiny_boxes(folder, threshold=0.3, lower_threshold=0.2, merge_radius_um=5))


def test_one_bundle_is_its_own_detector(segments: Bundle, image: ArrayImage) -> None:
    alone = detectors.load(segments, "cpu").detect(image)
    detector = mixed.load([segments], "cpu")
    assert not isinstance(detector, MixedEnsemble)
    result = detector.detect(image)
    assert contents(result.detections) == contents(alone.detections)
    assert (result.threshold, result.tissue_mm2) == (alone.threshold, alone.tissue_mm2)


@pytest.mark.parametrize(("threshold", "count"), [(None, 4), (0.5, 4), (0.05, 3)])
def test_a_bundle_with_itself_finds_what_it_finds_alone(
    segments: Bundle, image: ArrayImage, threshold: float | None, count: int
) -> None:
    """The close figures lie 5.5 um apart and are still two; at a threshold of 0.05 the bundle sees one in them."""
    alone = mixed.load([segments], "cpu", threshold=threshold).detect(image)
    result = mixed.load([segments, segments], "cpu", threshold=threshold).detect(image)
    assert len(result.detections) == count
    assert result.detections.points == pytest.approx(alone.detections.points)
    assert result.detections.scores == pytest.approx(alone.detections.scores)
    assert (result.threshold, result.tissue_mm2) == (alone.threshold, alone.tissue_mm2)
    figures, of_alone = (each.detections.scores >= each.threshold for each in (result, alone))
    assert figures.tolist() == of_alone.tolist()
    assert (result.tiles_run, result.tiles_total) == (2 * alone.tiles_run, 2 * alone.tiles_total)


def test_bundles_of_different_kinds_detect_together(segments: Bundle, boxes: Bundle, image: ArrayImage) -> None:
    """The candidate is a figure to the boxes alone, whose threshold is lower."""
    ensemble = mixed.load([segments, boxes], "cpu")
    told: list[tuple[int, int, float, float]] = []
    result = ensemble.detect(image, lambda *progress: told.append(progress))
    assert result.threshold == ensemble.threshold == pytest.approx(0.5)
    assert result.detections.points == pytest.approx(np.array([(40, 50), (150, 60), (172, 60), (60, 120)]), abs=5)
    assert (result.detections.scores >= result.threshold).tolist() == [True, True, True, False]
    assert result.detections.agreement(result.threshold).tolist() == [1, 1, 1, 0.5]
    parts = [detectors.load(bundle, "cpu").detect(image) for bundle in (segments, boxes)]
    candidate = [part.detections.scores[-1] for part in parts]
    expected = [candidate[0] / 0.7 * 0.5, 0.5 + (candidate[1] - 0.3) / 0.7 * 0.5]
    assert result.detections.member_scores[-1] == pytest.approx(expected)
    assert result.detections.scores[-1] == pytest.approx(np.mean(expected))
    assert set(result.seconds) == {"tissue", "detection", "fusion"}
    tiles = sum(part.tiles_run for part in parts)
    assert result.tiles_run == tiles == told[-1][0]
    assert {progress[1] for progress in told} == {tiles}
    assert [progress[0] for progress in told] == sorted(progress[0] for progress in told)
    assert told[-1][2:] == (pytest.approx(result.tissue_mm2),) * 2
    turned = mixed.load([boxes, segments], "cpu").detect(image).detections
    assert turned.points.tobytes() + turned.scores.tobytes() == (
        result.detections.points.tobytes() + result.detections.scores.tobytes()
    )


def test_a_second_stage_judges_what_its_own_bundle_finds(
    segments: Bundle, boxes: Bundle, image: ArrayImage, tmp_path: Path
) -> None:
    """Each bundle says what it says alone, whichever comes first; the second stage takes nothing for a figure."""
    second = write_tiny_nuclei(tmp_path / "second", patch_px=32, threshold=0.999999)
    folder = write_tiny_boxes(tmp_path / "judged", threshold=0.3, lower_threshold=0.2, merge_radius_um=5)
    judged = load_bundle(take_along(folder, second))
    results = [detectors.load(bundle, "cpu").detect(image).detections for bundle in (segments, judged)]
    assert results[1].scores.max() < 0.3
    told: list[tuple[int, int]] = []
    for bundles in ([segments, judged], [judged, segments]):
        result = mixed.load(bundles, "cpu").detect(image, judging=lambda *progress: told.append(progress))
        assert told[-1] == (len(results[1]),) * 2
        assert set(result.seconds) == {"tissue", "detection", "second stage", "fusion"}
        of_judged = result.detections.member_scores[:, bundles.index(judged)]
        assert sorted(of_judged) == pytest.approx(sorted(results[1].scores / 0.3 * 0.5))
    unjudged = mixed.load([segments, boxes], "cpu").detect(image).detections
    assert (result.detections.scores < unjudged.scores).all()


def test_what_a_second_stage_rules_out_still_has_its_place() -> None:
    together = fused([found((40, 50, 0.0), (90, 10, 0.0)), found((100, 10, 0.8))], [0.1, 0.1], SPACING_UM)
    assert together.points == pytest.approx(np.array([(100, 10), (40, 50)]))
    assert together.scores == pytest.approx([0.4, 0.025])


@pytest.mark.parametrize(
    ("threshold", "own", "lower"),
    [(None, (0.7, 0.3), (0.1, 0.2)), (0.75, (0.85, 0.65), (0.1, 0.2)), (0.1, (0.14, 0.06), (0.1, 0.06))],
)
def test_a_threshold_asked_for_is_each_bundles_own_on_its_scale(
    segments: Bundle, boxes: Bundle, threshold: float | None, own: tuple[float, float], lower: tuple[float, float]
) -> None:
    parts = mixed.load([segments, boxes], "cpu", overlap=0.25, threshold=threshold).parts
    assert [part.threshold for part in parts] == pytest.approx(own)
    assert [part.postprocess.lower_threshold for part in parts] == pytest.approx(lower)
    assert [part.overlap for part in parts] == [0.25, 0.25]


def test_the_bundles_are_the_members_however_many_networks_each_has(tmp_path: Path, image: ArrayImage) -> None:
    bundles = [load_bundle(write_tiny_bundle(tmp_path / str(members), members)) for members in (1, 3)]
    assert mixed.load(bundles, "cpu").detect(image).detections.member_scores.shape == (4, 2)

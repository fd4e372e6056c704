from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithm import detectors
from algorithm.bundle import load_bundle
from algorithm.detections import Detections
from algorithm.detectors.nuclei import NucleiSettings, detect
from algorithm.errors import AlgorithmError, BundleError
from algorithm.images.resampled import ResampledImage
from algorithm.nuclei_manifest import CandidateSettings, NucleiPostprocess
from algorithm.runtime import Judged
from algorithm.tissue import tissue_map
from tests.arrays import CANDIDATE, GLASS, ArrayImage, paint_ellipse, plain, view_of
from tests.tiny_nuclei import write_tiny_nuclei

RULES = NucleiPostprocess(lower_threshold=0.1, merge_radius_um=2.0)
SIDE, CELL = 80, 8


def dark(crops: np.ndarray) -> Judged:
    """Two members, 0.9 and 0.7 sure of a crop with a black pixel, which is brightest in the map of both."""
    black = (crops == 0).all(axis=-1)
    cells = black.reshape(len(crops), SIDE // CELL, CELL, SIDE // CELL, CELL).any(axis=(2, 4))
    sure = np.array([[0.9], [0.7]]) * cells.any(axis=(1, 2))
    return Judged(sure.astype(np.float32), np.stack((cells, 5 * cells)).astype(np.float32))


def chosen(**changes: object) -> NucleiSettings:
    return NucleiSettings(patch_px=SIDE, candidates=CandidateSettings(), postprocess=RULES.model_copy(update=changes))


def found_about(
    nuclei: np.ndarray, view: ResampledImage, judge: Any = dark, members: int = 2, batch_size: int = 4, **changes: Any
) -> Detections:
    return detect(view, nuclei, judge, chosen(**changes), tissue_map(view), members, batch_size)


def scene(width: int, height: int, seed: int, figures: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels with black points at least 120 px apart, two of them at the border, and where they are (N, 2)."""
    rng = np.random.default_rng(seed)
    pixels, points = plain(width, height), np.array([(0, 0), (width - 1, height - 1)])
    for point in rng.integers(0, (width, height), (200, 2)):
        if len(points) < figures and (np.hypot(*(points - point).T) >= 120).all():
            points = np.vstack((points, point))
    pixels[points[:, 1], points[:, 0]] = 0
    return pixels, points[np.lexsort((points[:, 0], points[:, 1]))].astype(np.float64)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(130, 700), st.integers(130, 700), st.integers(0, 30))
def test_a_figure_is_found_where_it_lies_in_its_nucleus_crop(seed: int, width: int, height: int, off: int) -> None:
    """Beyond the border the crop shows a mirror image: what is seen there lies inside."""
    pixels, points = scene(width, height, seed, figures=5)
    rng = np.random.default_rng(seed)
    nuclei = np.clip(points + rng.integers(-off, off + 1, points.shape), 0, (width - 1, height - 1))
    found = found_about(nuclei, view_of(pixels))
    assert len(found) == len(points)
    distance = np.abs(found.points[None] - points[:, None]).max(axis=2).min(axis=1)
    assert distance.max() <= CELL
    assert found.scores == pytest.approx(np.full(len(points), 0.8))
    assert found.member_scores == pytest.approx(np.tile([0.9, 0.7], (len(points), 1)))
    assert ((found.points >= 0) & (found.points <= (width - 1, height - 1))).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 700), st.integers(2, 700))
def test_crops_are_parts_of_the_mirrored_image(seed: int, width: int, height: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(1, 200, (height, width, 3), dtype=np.uint8)
    nuclei = rng.integers(0, (width, height), (9, 2)).astype(np.float64)
    seen: set[bytes] = set()

    def judge(crops: np.ndarray) -> Judged:
        seen.update(crop.tobytes() for crop in crops)
        return dark(crops)

    found_about(nuclei, view_of(pixels), judge)
    padded = np.pad(pixels, ((39, 40), (39, 40), (0, 0)), mode="reflect")
    expected = {padded[y : y + SIDE, x : x + SIDE].tobytes() for x, y in nuclei.astype(int)}
    assert seen == expected


@pytest.mark.parametrize("batch_size", [1, 3, 1000])
def test_batches_and_the_order_of_nuclei_make_no_difference(batch_size: int) -> None:
    pixels, points = scene(700, 600, seed=3, figures=12)
    expected = found_about(points, view_of(pixels))
    found = found_about(points[::-1], view_of(pixels), batch_size=batch_size)
    for name in ("points", "scores", "member_scores"):
        assert getattr(found, name).tobytes() == getattr(expected, name).tobytes()


def test_of_crops_that_see_the_same_figure_the_surest_is_left_with_its_own_score() -> None:
    """The further the figure from the middle of its crop, the less sure this network is."""

    def nearer(crops: np.ndarray) -> Judged:
        judged = dark(crops)
        off = [abs(int(np.argwhere((crop == 0).all(axis=-1))[0, 1]) - 39) / 100 for crop in crops]
        return Judged(judged.probabilities - np.array(off, np.float32), judged.activations)

    pixels = plain(200, 200)
    pixels[100, 100] = 0
    nuclei = np.array([(112, 100), (104, 100), (92, 100)], np.float64)
    found = found_about(nuclei, view_of(pixels), nearer, merge_radius_um=7.5)
    assert found.scores == pytest.approx([0.8 - 0.04])
    assert found.points == pytest.approx(np.array([(100, 100)]), abs=CELL)


def test_figures_further_apart_than_the_radius_are_two() -> None:
    pixels = plain(300, 100)
    pixels[50, [90, 130]] = 0
    nuclei = np.array([(60, 50), (160, 50)], np.float64)
    assert len(found_about(nuclei, view_of(pixels), merge_radius_um=7.5)) == 2
    assert len(found_about(nuclei, view_of(pixels), merge_radius_um=12.5)) == 1


def test_what_is_below_the_lower_threshold_is_left_out() -> None:
    pixels, points = scene(300, 300, seed=1, figures=3)
    assert len(found_about(points, view_of(pixels), threshold=0.9, lower_threshold=0.79)) == 3
    assert len(found_about(points, view_of(pixels), threshold=0.9, lower_threshold=0.81)) == 0
    assert len(found_about(points, view_of(plain(300, 300)))) == 0


def test_no_nuclei_ask_no_network() -> None:
    def never(crops: np.ndarray) -> Judged:
        raise AssertionError("something reached the network")

    found = found_about(np.empty((0, 2)), view_of(plain(200, 100)), never)
    assert found.points.shape == (0, 2)
    assert found.member_scores.shape == (0, 2)


def test_progress_ends_with_all_the_tissue() -> None:
    told: list[tuple[int, int, float, float]] = []
    pixels, points = scene(500, 400, seed=2, figures=6)
    view = view_of(pixels)
    detect(view, points, dark, chosen(), tissue_map(view), 2, 4, lambda *numbers: told.append(numbers))
    assert [done for done, *_ in told] == [4, 6]
    assert told[-1] == (6, 6, pytest.approx(tissue_map(view).area_mm2), pytest.approx(tissue_map(view).area_mm2))


def test_answers_of_other_members_are_an_error() -> None:
    pixels, points = scene(200, 200, seed=1, figures=2)
    with pytest.raises(ValueError, match="3 members"):
        found_about(points, view_of(pixels), members=3)


@pytest.fixture
def image() -> ArrayImage:
    """The same three figures and a candidate that the tests of segmentation have."""
    pixels = plain(300, 200)
    for x, y in ((40, 50), (150, 60), (100, 160)):
        paint_ellipse(pixels, x, y, 9, 6)
    paint_ellipse(pixels, 60, 120, 9, 7, CANDIDATE)
    pixels[:, 200:] = GLASS
    return ArrayImage(pixels)


def test_a_bundle_of_nuclei_detects(tmp_path: Path, image: ArrayImage) -> None:
    """Each crop holds one of them: the network says only that there is one in it."""
    bundle = load_bundle(write_tiny_nuclei(tmp_path, members=2, patch_px=48))
    result = detectors.load(bundle, "cpu").detect(image)
    expected = np.array([(40, 50), (150, 60), (60, 120), (100, 160)])
    assert result.detections.points == pytest.approx(expected, abs=5)
    assert (result.detections.scores >= result.threshold).tolist() == [True, True, False, True]
    assert result.detections.member_scores.shape == (4, 2)
    assert (result.tiles_run, result.tiles_total) == (4, 4)


def test_any_order_of_members_gives_the_same_bytes(tmp_path: Path, image: ArrayImage) -> None:
    bundle = load_bundle(write_tiny_nuclei(tmp_path, members=3))
    turned = bundle.manifest.model_copy(update={"members": bundle.manifest.members[::-1]})
    first, second = (
        detectors.load(one, "cpu").detect(image).detections for one in (bundle, type(bundle)(turned, bundle.path))
    )
    assert first.points.tobytes() + first.scores.tobytes() == second.points.tobytes() + second.scores.tobytes()
    assert second.member_scores.tolist() == first.member_scores[:, ::-1].tolist()


def test_another_threshold_can_be_chosen_but_no_overlap(tmp_path: Path) -> None:
    bundle = load_bundle(write_tiny_nuclei(tmp_path))
    detector = detectors.load(bundle, "cpu", threshold=0.05)
    assert (detector.postprocess.threshold, detector.postprocess.lower_threshold) == (0.05, 0.05)
    assert detector.overlap is None
    with pytest.raises(AlgorithmError, match=r"about nuclei, which have no overlap\. Leave --overlap out"):
        detectors.load(bundle, "cpu", overlap=0.5)


def test_a_bundle_whose_crops_do_not_fit_its_stride_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"input.patch_px 82 is no multiple of output.stride"):
        load_bundle(write_tiny_nuclei(tmp_path, patch_px=82))

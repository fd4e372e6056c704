from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit

from algorithm import detectors
from algorithm.boxes_manifest import BoxesPostprocess
from algorithm.bundle import load_bundle
from algorithm.detections import Detections
from algorithm.detectors.boxes import BoxesSettings, detect
from algorithm.errors import BundleError
from algorithm.images.resampled import ResampledImage
from algorithm.tissue import TissueMap, tissue_map
from tests.arrays import CANDIDATE, GLASS, ArrayImage, paint_ellipse, plain, view_of
from tests.tiny_boxes import write_tiny_boxes

RULES = BoxesPostprocess(threshold=0.5, lower_threshold=0.1, merge_radius_um=2.0)
RADIUS_PX = 6


tiles = st.sampled_from([64, (96, 48), (32, 80)])


def dark(tiles: np.ndarray) -> np.ndarray:
    """Two members with a box about every pixel that is black: (2, B, 6, N), the rest far away and sure of nothing."""
    answers = np.full((2, len(tiles), 6, 30), -20.0, np.float32)
    for index, tile in enumerate(tiles):
        for place, (y, x) in enumerate(np.argwhere(tile[..., 0] == 0)):
            answers[:, index, :4, place] = x - RADIUS_PX, y - RADIUS_PX, x + RADIUS_PX, y + RADIUS_PX
            answers[:, index, 4, place] = logit(0.9), logit(0.7)
    return answers


def found_in(
    view: ResampledImage,
    tile: int | tuple[int, int] = 64,
    overlap: float = 0.5,
    batch_size: int = 4,
    progress=None,
    **changes: object,
) -> Detections:
    chosen = BoxesSettings(tile_px=tile, overlap=overlap, postprocess=RULES.model_copy(update=changes))
    return detect(view, dark, chosen, tissue_map(view), 2, batch_size, progress)


def scene(width: int, height: int, seed: int, figures: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels with black points at least 20 px apart, some of them at the border, and where they are (N, 2)."""
    rng = np.random.default_rng(seed)
    pixels, points = plain(width, height), np.array([(0, 0), (width - 1, height - 1)])
    while len(points) < figures:
        point = rng.integers(0, (width, height))
        if (np.hypot(*(points - point).T) >= 20).all():
            points = np.vstack((points, point))
    pixels[points[:, 1], points[:, 0]] = 0
    return pixels, points


def ordered(points: np.ndarray) -> np.ndarray:
    return points[np.lexsort((points[:, 0], points[:, 1]))]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(30, 200), st.integers(30, 200), st.sampled_from([0, 0.25, 0.5, 0.8]), tiles)
def test_each_figure_is_found_once_wherever_tiles_meet(
    seed: int, width: int, height: int, overlap: float, tile: int | tuple[int, int]
) -> None:
    pixels, points = scene(width, height, seed, figures=4)
    found = found_in(view_of(pixels), tile, overlap)
    assert found.points == pytest.approx(ordered(points))
    assert found.scores == pytest.approx(np.full(4, 0.8))
    assert found.member_scores == pytest.approx(np.tile([0.9, 0.7], (4, 1)))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), tiles, st.sampled_from([0.25, 0.5]))
def test_tiles_find_what_one_tile_over_all_finds(seed: int, tile: int | tuple[int, int], overlap: float) -> None:
    view = view_of(scene(180, 140, seed, figures=8)[0])
    found, expected = found_in(view, tile, overlap), found_in(view, (192, 160))
    assert ordered(found.points) == pytest.approx(ordered(expected.points))
    assert found.member_scores == pytest.approx(expected.member_scores)


@pytest.mark.parametrize("tile", [64, (80, 48)])
@pytest.mark.parametrize("views", ["five", "eight"])
def test_views_see_the_same_in_the_same_place(views: str, tile: int | tuple[int, int]) -> None:
    pixels, points = scene(150, 130, seed=5, figures=9)
    found = found_in(view_of(pixels), tile, views=views)
    assert found.points == pytest.approx(ordered(points))
    assert found.scores == pytest.approx(np.full(9, 0.8))


@pytest.mark.parametrize("batch_size", [1, 3, 1000])
def test_batches_make_no_difference(batch_size: int) -> None:
    pixels, _ = scene(200, 180, seed=3, figures=10)
    expected, found = found_in(view_of(pixels)), found_in(view_of(pixels), batch_size=batch_size)
    for name in ("points", "scores", "member_scores"):
        assert getattr(found, name).tobytes() == getattr(expected, name).tobytes()


def test_of_two_closer_than_the_radius_one_is_left() -> None:
    pixels = plain(64, 64)
    pixels[30, [20, 29, 50]] = 0
    assert len(found_in(view_of(pixels), fusion_iou=0.9, suppression_iou=0.9, merge_radius_um=2.2)) == 3
    assert len(found_in(view_of(pixels), fusion_iou=0.9, suppression_iou=0.9, merge_radius_um=2.3)) == 2


def test_what_one_of_the_members_sees_counts_half() -> None:
    def one_sees(tiles: np.ndarray) -> np.ndarray:
        answers = dark(tiles)
        answers[1, :, 4] = -20
        return answers

    pixels, points = scene(60, 60, seed=1, figures=3)
    view = view_of(pixels)
    chosen = BoxesSettings(tile_px=64, overlap=0.5, postprocess=RULES)
    found = detect(view, one_sees, chosen, tissue_map(view), 2, 4)
    assert found.points == pytest.approx(ordered(points))
    assert found.scores == pytest.approx(np.full(3, 0.45))
    assert found.member_scores == pytest.approx(np.tile([0.9, 0], (3, 1)), abs=1e-6)
    strict = chosen.model_copy(update={"postprocess": RULES.model_copy(update={"lower_threshold": 0.46})})
    assert len(detect(view, one_sees, strict, tissue_map(view), 2, 4)) == 0


def test_glass_is_skipped() -> None:
    def never(tiles: np.ndarray) -> np.ndarray:
        raise AssertionError("glass reached the network")

    view = view_of(plain(200, 100, GLASS))
    chosen = BoxesSettings(tile_px=64, overlap=0.5, postprocess=RULES)
    assert len(detect(view, never, chosen, tissue_map(view), 2, 4)) == 0


def test_progress_ends_with_all_the_tissue() -> None:
    told: list[tuple[int, int, float, float]] = []
    view = view_of(plain(200, 100))
    found_in(view, progress=lambda *numbers: told.append(numbers))
    done, total, area, whole = told[-1]
    assert (done, area) == (total, pytest.approx(whole))
    assert whole == pytest.approx(tissue_map(view).area_mm2)


def test_answers_of_other_members_are_an_error() -> None:
    view = view_of(plain(64, 64))
    chosen = BoxesSettings(tile_px=64, overlap=0.5, postprocess=RULES)
    with pytest.raises(ValueError, match="3 members"):
        detect(view, dark, chosen, TissueMap(np.ones_like(tissue_map(view).blocks), 64, 64, 0.25), 3, 4)


@pytest.mark.parametrize(("tile_px", "views"), [(64, "five"), ((96, 48), "one")])
def test_a_bundle_of_boxes_detects(tmp_path: Path, tile_px: int | tuple[int, int], views: str) -> None:
    """The same three figures and a candidate that the tests of segmentation have."""
    pixels = plain(300, 200)
    for x, y in ((40, 50), (150, 60), (100, 160)):
        paint_ellipse(pixels, x, y, 9, 6)
    paint_ellipse(pixels, 60, 120, 9, 7, CANDIDATE)
    pixels[:, 200:] = GLASS
    bundle = load_bundle(write_tiny_boxes(tmp_path, members=2, tile_px=tile_px, views=views, merge_radius_um=7.5))
    result = detectors.load(bundle, "cpu").detect(ArrayImage(pixels))
    figures = result.detections.select(result.detections.scores >= result.threshold)
    assert figures.points == pytest.approx(np.array([(40, 50), (150, 60), (100, 160)]), abs=5)
    candidates = result.detections.select(result.detections.scores < result.threshold)
    assert np.hypot(*(candidates.points - (60, 120)).T).min() < 8
    assert detectors.load(bundle, "cpu", threshold=0.05).postprocess.lower_threshold == 0.05


def test_a_bundle_whose_tiles_do_not_fit_its_strides_is_refused(tmp_path: Path) -> None:
    for tile_px, named in ((60, "60"), ((64, 60), "64 x 60")):
        with pytest.raises(BundleError, match=f"input.tile_px {named} is no multiple of output.strides"):
            load_bundle(write_tiny_boxes(tmp_path / named, tile_px=tile_px))


def test_turned_views_of_rectangles_want_graphs_of_free_sides(tmp_path: Path) -> None:
    bundle = load_bundle(write_tiny_boxes(tmp_path, tile_px=(96, 48), views="five"))
    with pytest.raises(BundleError, match=r"\['batch', 3, 48, 96\], not .*\['batch', 3, 'height', 'width'\]"):
        detectors.load(bundle, "cpu")

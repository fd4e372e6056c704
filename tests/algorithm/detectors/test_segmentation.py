import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from algorithm import prefetch
from algorithm.detections import Detections
from algorithm.detectors import segmentation
from algorithm.detectors.segmentation import SegmentationSettings, detect
from algorithm.images.resampled import ResampledImage
from algorithm.manifest import Postprocess
from algorithm.tissue import TissueMap, tissue_map
from tests.arrays import CANDIDATE, GLASS, STROMA, ArrayImage, paint_ellipse, plain, view_of

RULES = Postprocess(threshold=0.5, lower_threshold=0.1, dilation_radius_um=1.0, minimum_area_um2=1.875)


def predict(tiles: np.ndarray) -> np.ndarray:
    """Two members that look at the red of the pixels around, and know nothing beyond the tile."""
    red = ndimage.uniform_filter(tiles[..., 0].astype(np.float32) / 255, (0, 5, 5), mode="nearest")
    return np.stack([1 / (1 + np.exp(-gain * (0.45 - red))) for gain in (25, 30)])


def found_in(
    view: ResampledImage,
    tile: int | tuple[int, int] = 64,
    overlap: float = 0.5,
    batch_size: int = 4,
    progress=None,
    **changes: object,
) -> Detections:
    postprocess = RULES.model_copy(update=changes)
    chosen = SegmentationSettings(tile_px=tile, overlap=overlap, postprocess=postprocess)
    return detect(view, predict, chosen, tissue_map(view), 2, batch_size, progress)


def scene(width: int, height: int, seed: int, figures: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels with dark ellipses at least 40 px apart, and their centres (N, 2)."""
    rng = np.random.default_rng(seed)
    pixels, centres = plain(width, height), np.empty((0, 2))
    while len(centres) < figures:
        x, y = rng.integers(12, width - 12), rng.integers(12, height - 12)
        if (np.hypot(*(centres - (x, y)).T) >= 40).all():
            paint_ellipse(pixels, x, y, *rng.integers(5, 11, 2))
            centres = np.vstack((centres, (x, y)))
    return pixels, centres


def ordered(points: np.ndarray) -> np.ndarray:
    return points[np.lexsort((points[:, 0], points[:, 1]))]


@pytest.mark.parametrize("blending", ["uniform", "gaussian"])
@pytest.mark.parametrize(("tile", "overlap"), [(64, 0), (64, 0.25), (64, 0.8), ((96, 48), 0.5), ((32, 80), 0.5)])
def test_figures_are_found_where_they_are(tile: int | tuple[int, int], overlap: float, blending: str) -> None:
    pixels, centres = scene(300, 220, seed=1, figures=12)
    found = found_in(view_of(pixels), tile, overlap, blending=blending)
    assert found.points == pytest.approx(ordered(centres), abs=0.51)
    assert (found.scores > 0.9).all()
    assert found.member_scores.shape == (12, 2)


@settings(max_examples=6, deadline=None)
@given(st.integers(1, 511), st.integers(1, 511))
def test_figures_move_with_the_region(dx: int, dy: int) -> None:
    pixels, _ = scene(260, 200, seed=2, figures=9)
    moved = plain(260 + dx, 200 + dy)
    moved[dy:, dx:] = pixels
    before, after = found_in(view_of(pixels), overlap=0.75), found_in(view_of(moved), overlap=0.75)
    assert after.points == pytest.approx(before.points + np.array([dx, dy]), abs=1.5)
    assert after.scores == pytest.approx(before.scores, abs=0.02)


@pytest.mark.parametrize("batch_size", [1, 3, 8, 1000])
def test_batches_make_no_difference(batch_size: int) -> None:
    pixels, _ = scene(230, 260, seed=3, figures=10)
    expected = found_in(view_of(pixels))
    found = found_in(view_of(pixels), batch_size=batch_size)
    assert len(found) == 10
    for name in ("points", "scores", "member_scores"):
        assert getattr(found, name).tobytes() == getattr(expected, name).tobytes()


def test_glass_is_skipped_and_what_lies_beyond_it_is_found() -> None:
    """Two islands, far apart in both directions; the same result as without skipping."""
    pixels = plain(400, 500, GLASS)
    for x, y in ((30, 30), (350, 450)):
        pixels[y - 30 : y + 30, x - 30 : x + 30] = STROMA
        paint_ellipse(pixels, x, y, 8, 5)
    view = view_of(pixels)
    everywhere = TissueMap(np.ones_like(tissue_map(view).blocks), view.width, view.height, view.spacing_um)
    chosen = SegmentationSettings(tile_px=64, overlap=0.5, postprocess=RULES)
    grid = chosen.grid(tissue_map(view))
    skipping = detect(view, predict, chosen, tissue_map(view), 2, 4)
    thorough = detect(view, predict, chosen, everywhere, 2, 4)
    assert grid.with_tissue < grid.total / 3
    assert skipping.points == pytest.approx(np.array([(30, 30), (350, 450)]), abs=0.51)
    assert np.array_equal(skipping.points, thorough.points)
    assert np.array_equal(skipping.scores, thorough.scores)


def test_no_tissue_no_network() -> None:
    view = view_of(plain(200, 100, GLASS))
    chosen = SegmentationSettings(tile_px=64, overlap=0.5, postprocess=RULES)

    def never(tiles: np.ndarray) -> np.ndarray:
        raise AssertionError("glass reached the network")

    assert len(detect(view, never, chosen, tissue_map(view), 2, 4)) == 0


@pytest.mark.parametrize(("width", "height"), [(40, 30), (40, 200), (200, 40)])
def test_views_smaller_than_a_tile(width: int, height: int) -> None:
    pixels = plain(width, height)
    paint_ellipse(pixels, 18, 16, 7, 5)
    assert found_in(view_of(pixels)).points == pytest.approx(np.array([[18, 16]]), abs=0.51)


@pytest.mark.parametrize(("spacing_um", "view_um"), [(0.25, 0.5), (0.5, 0.25), (0.23, 0.25), (0.25, 0.25)])
def test_points_come_back_in_level_0_pixels(spacing_um: float, view_um: float) -> None:
    pixels, centres = plain(420, 300), np.array([(60, 50), (300, 70), (200, 250)])
    for x, y in centres:
        paint_ellipse(pixels, x, y, 3.5 / spacing_um, 2.0 / spacing_um)
    found = found_in(ResampledImage(ArrayImage(pixels, spacing_um), view_um))
    assert found.points == pytest.approx(ordered(centres), abs=max(0.5, 0.6 * view_um / spacing_um))


def test_candidates_are_reported_below_the_threshold() -> None:
    pixels = plain(120, 80)
    paint_ellipse(pixels, 30, 40, 8, 8)
    paint_ellipse(pixels, 90, 40, 8, 8, CANDIDATE)
    found = found_in(view_of(pixels))
    assert (found.scores >= 0.5).tolist() == [True, False]
    assert len(found_in(view_of(pixels), lower_threshold=0.5)) == 1


def test_progress_ends_at_all_of_it() -> None:
    view = view_of(plain(200, 150))
    calls: list[tuple[int, int, float, float]] = []
    found_in(view, batch_size=5, progress=lambda *state: calls.append(state))
    area = tissue_map(view).area_mm2
    assert [done for done, *_ in calls] == [*range(5, 24, 5), 24]
    assert calls[-1] == (24, 24, pytest.approx(area), pytest.approx(area))


def test_a_predictor_of_another_shape_is_refused() -> None:
    chosen = SegmentationSettings(tile_px=64, overlap=0.5, postprocess=RULES)
    view = view_of(plain(100, 100))
    with pytest.raises(ValueError, match="3 members"):
        detect(view, predict, chosen, tissue_map(view), 3, 4)


def test_memory_does_not_grow_with_the_height(monkeypatch: pytest.MonkeyPatch) -> None:
    """A column eight times as high, with one component all the way down, takes hardly more memory at its peak.

    Nothing is made ahead here: in CPython 3.11 tracemalloc can crash a thread that is just starting.
    """
    for module in (segmentation, prefetch):
        monkeypatch.setattr(module, "ahead", lambda items, _: items)
    short, tall = (peak_memory(height) for height in (1500, 12000))
    assert tall < 1.3 * short


def peak_memory(height: int) -> int:
    pixels = np.broadcast_to(plain(256, 1), (height, 256, 3)).copy()
    pixels[:, 100:110] = (60, 35, 110)
    view = view_of(pixels)
    tissue = tissue_map(view)
    chosen = SegmentationSettings(tile_px=128, overlap=0, postprocess=RULES)
    tracemalloc.start()
    found = detect(view, predict, chosen, tissue, 2, 2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.points == pytest.approx(np.array([[104.5, (height - 1) / 2]]), abs=1)
    return peak

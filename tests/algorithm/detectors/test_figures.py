"""The finder, fed in bands, against the same definitions applied to the whole map at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from algorithm.detections import Detections
from algorithm.detectors import figures
from algorithm.detectors.figures import FigureFinder
from algorithm.detectors.geometry import convex_hull, smallest_rectangle_centre
from algorithm.manifest import Postprocess

EIGHT = np.ones((3, 3))
SPACING_UM = 0.5


@pytest.fixture(autouse=True, scope="module")
def every_row_at_once():
    """Let the finder search after every band, however thin."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "MINIMUM_ROWS", 1)
        yield


def rules(radius_px: float = 2, minimum_px: float = 4, **changes: object) -> Postprocess:
    return Postprocess(
        threshold=0.5,
        lower_threshold=0.2,
        dilation_radius_um=radius_px * SPACING_UM,
        minimum_area_um2=minimum_px * SPACING_UM**2,
        **changes,
    )


def found_in_bands(maps: np.ndarray, postprocess: Postprocess, cuts: list[int]) -> Detections:
    finder = FigureFinder(maps.shape[2], len(maps), postprocess, SPACING_UM)
    for band in np.split(maps, sorted({cut for cut in cuts if cut < maps.shape[1]}), axis=1):
        finder.push(band)
    return finder.finish()


def found_at_once(maps: np.ndarray, radius_px: float, minimum_px: float) -> Detections:
    mean = maps.mean(axis=0, dtype=np.float64).astype(np.float32)
    kept, grown = {}, {}
    for threshold in (0.5, 0.2):
        labels, count = ndimage.label(mean >= threshold, EIGHT)
        large = [label for label in range(1, count + 1) if (labels == label).sum() >= minimum_px]
        kept[threshold] = np.isin(labels, large)
        disk = np.hypot(*np.mgrid[-8:9, -8:9]) <= radius_px
        grown[threshold] = ndimage.binary_dilation(kept[threshold], disk)
    points, scores, member_scores = [], [], []
    for threshold in (0.5, 0.2):
        labels, count = ndimage.label(grown[threshold], EIGHT)
        for label in range(1, count + 1):
            component = labels == label
            if threshold == 0.2 and (component & kept[0.5]).any():
                continue
            rows, columns = np.nonzero(component)
            points.append(
                smallest_rectangle_centre(convex_hull(list(zip(columns.tolist(), rows.tolist(), strict=True))))
            )
            score = float(mean[component & kept[threshold]].max())
            scores.append(score if threshold == 0.5 else min(score, 0.5 - 1e-6))
            member_scores.append([channel[component & kept[threshold]].max() for channel in maps])
    return Detections(np.array(points).reshape(-1, 2), np.array(scores), np.array(member_scores).reshape(-1, len(maps)))


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 9999),
    st.integers(1, 60),
    st.integers(1, 90),
    st.sampled_from([0, 1, 2.5, 4]),
    st.sampled_from([0, 1, 5, 12]),
    st.lists(st.integers(1, 89), max_size=15),
)
def test_bands_find_what_the_whole_map_holds(
    seed: int, width: int, height: int, radius_px: float, minimum_px: float, cuts: list[int]
) -> None:
    noise = np.random.default_rng(seed).random((2, height, width))
    smooth = ndimage.gaussian_filter(noise, (0, 1.2, 1.2))
    maps = np.clip((smooth - 0.5) * 3 + 0.2, 0, 1).astype(np.float32)
    streamed = found_in_bands(maps, rules(radius_px, minimum_px), cuts)
    whole = found_at_once(maps, radius_px, minimum_px)
    assert np.array_equal(streamed.points, whole.points)
    assert np.array_equal(streamed.scores, whole.scores)
    assert np.array_equal(streamed.member_scores, whole.member_scores)


def spots(*places: tuple[int, int, int, float], shape: tuple[int, int] = (60, 60)) -> np.ndarray:
    """One map with squares (x, y, side, probability)."""
    maps = np.zeros((1, *shape), np.float32)
    for x, y, side, probability in places:
        maps[0, y : y + side, x : x + side] = probability
    return maps


def test_the_two_plates_of_an_anaphase_are_one_figure() -> None:
    plates = spots((10, 20, 5, 0.8), (10, 28, 5, 0.9))
    joined = found_in_bands(plates, rules(radius_px=2), [])
    assert joined.points.tolist() == [[12, 26]]
    assert joined.scores == pytest.approx([0.9])
    assert len(found_in_bands(plates, rules(radius_px=1), [])) == 2


def test_a_speck_between_two_figures_does_not_join_them() -> None:
    """What is too small is dropped before the dilation."""
    maps = spots((10, 20, 5, 0.8), (17, 22, 1, 0.9), (20, 20, 5, 0.7))
    assert len(found_in_bands(maps, rules(radius_px=2, minimum_px=4), [])) == 2
    assert len(found_in_bands(maps, rules(radius_px=2, minimum_px=0), [])) == 1


def test_candidates_stay_below_the_threshold() -> None:
    """A candidate, a figure with a pale rim that is no candidate of its own, and a high peak that is too small."""
    maps = spots((5, 5, 5, 0.3), (30, 5, 9, 0.3), (32, 7, 5, 0.9), (5, 40, 3, 0.3), (6, 41, 1, 0.95))
    found = found_in_bands(maps, rules(radius_px=1), [])
    assert found.points.tolist() == [[7, 7], [34, 9], [6, 41]]
    assert found.scores == pytest.approx([0.3, 0.9, 0.5], abs=2e-6)
    assert (found.scores >= 0.5).tolist() == [False, True, False]
    assert found.member_scores[:, 0] == pytest.approx([0.3, 0.9, 0.95])


@pytest.mark.parametrize("threshold", [0.3, 0.7, 0.1])
def test_a_score_at_the_threshold_is_a_figure_once_it_is_a_double(threshold: float) -> None:
    """The next float32 to 0.7 lies below it: such a pixel must not make a figure whose score is no figure's."""
    maps = spots((5, 5, 5, threshold))
    postprocess = rules().model_copy(update={"threshold": threshold, "lower_threshold": 0.05})
    found = found_in_bands(maps, postprocess, [])
    assert len(found) == 1
    assert (found.scores[0] >= threshold) == (float(np.float32(threshold)) >= threshold)


def test_the_order_of_members_does_not_move_the_mean() -> None:
    smooth = ndimage.gaussian_filter(np.random.default_rng(3).random((5, 80, 80)), (0, 2, 2))
    maps = np.clip((smooth - 0.5) * 5 + 0.3, 0, 1).astype(np.float32)
    found = found_in_bands(maps, rules(), [])
    turned = found_in_bands(maps[::-1], rules(), [])
    assert len(found) > 5
    assert np.array_equal(found.points, turned.points)
    assert np.array_equal(found.scores, turned.scores)
    assert np.array_equal(found.member_scores, turned.member_scores[:, ::-1])


@pytest.mark.parametrize(("centre", "place"), [("box", [14, 14]), ("centroid", [12.222, 12.222])])
def test_the_centre_asked_for(centre: str, place: list[float]) -> None:
    """An L of two arms of nine pixels, one wide."""
    maps = np.zeros((1, 40, 40), np.float32)
    maps[0, 10, 10:19] = maps[0, 10:19, 10] = 0.9
    found = found_in_bands(maps, rules(radius_px=0, centre=centre), [])
    assert found.points[0] == pytest.approx(place, abs=0.2)

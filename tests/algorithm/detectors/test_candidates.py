"""Nuclei are found where they were drawn, whatever the blocks that are read, and nothing else is."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from algorithm.detectors import candidates as module
from algorithm.detectors.candidates import candidates, haematoxylin
from algorithm.detectors.reduced import ReducedView
from algorithm.images.resampled import ResampledImage
from algorithm.nuclei_manifest import CandidateSettings, Reference
from algorithm.stain import StainModel, estimate_stains
from algorithm.tissue import tissue_map, tissue_pixels
from tests.arrays import GLASS, ArrayImage, paint_ellipse, plain, view_of

NUCLEUS = (90, 70, 150)
SETTINGS = CandidateSettings()


def found_in(view: ResampledImage, **changes: object) -> NDArray[np.float64]:
    return candidates(view, SETTINGS.model_copy(update=changes), tissue_map(view))


def scene(width: int, height: int, seed: int = 0, nuclei: int = 8) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Stroma with grain and nuclei at least 36 px apart, and where they are (N, 2), from above."""
    rng = np.random.default_rng(seed)
    pixels, points = plain(width, height), np.empty((0, 2))
    for point in rng.integers(14, (width - 14, height - 14), (50 * nuclei, 2)):
        if len(points) < nuclei and (np.hypot(*(points - point).T) >= 36).all():
            points = np.vstack((points, point))
            paint_ellipse(pixels, *point, *rng.integers(7, 12, 2), NUCLEUS)
    grainy = np.clip(pixels + rng.normal(0, 4, pixels.shape), 0, 255).astype(np.uint8)
    return grainy, points[np.lexsort((points[:, 0], points[:, 1]))]


def nearest(points: NDArray[np.float64], to: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the nearest of the points is to each place, px."""
    return np.hypot(*(points[None] - to[:, None]).transpose(2, 0, 1)).min(axis=1)


@pytest.mark.parametrize("stain_model", get_args(StainModel))
@pytest.mark.parametrize("reference", get_args(Reference))
def test_nuclei_are_found_at_their_middles(stain_model: StainModel, reference: Reference) -> None:
    pixels, nuclei = scene(300, 220)
    found = found_in(view_of(pixels), stain_model=stain_model, reference=reference)
    assert len(found) == len(nuclei) == 8
    assert nearest(found, nuclei).max() <= 2
    assert (np.diff(found[:, 1]) >= 0).all()


def test_what_is_too_small_is_left_out() -> None:
    """A disk of 3 px radius covers 1.8 um2, one of 5 px 4.9."""
    pixels = plain(120, 60)
    for x, radius in ((30, 3), (90, 5)):
        paint_ellipse(pixels, x, 30, radius, radius, NUCLEUS)
    assert found_in(view_of(pixels)) == pytest.approx(np.array([(90, 30)]), abs=1)
    assert len(found_in(view_of(pixels), minimum_area_um2=0.5)) == 2
    assert len(found_in(view_of(pixels), minimum_area_um2=8)) == 0


@pytest.mark.parametrize(("own_um", "seen_um"), [(0.25, 0.25), (0.5, 0.25), (0.25, 0.5), (0.125, 0.25)])
def test_points_are_those_of_the_image_at_any_resolution(own_um: float, seen_um: float) -> None:
    pixels, nuclei = scene(300, 220)
    zoomed = pixels.repeat(2, axis=0).repeat(2, axis=1) if own_um == 0.125 else pixels
    places = 2 * nuclei + 0.5 if own_um == 0.125 else nuclei
    image = ArrayImage(zoomed, own_um)
    found = found_in(ResampledImage(image, seen_um))
    assert len(found) == 8
    assert nearest(found, places).max() <= 3


def whole_at_once(view: ResampledImage) -> NDArray[np.float64]:
    """The same without blocks, bands or streams, for a view that is all tissue and sampled whole."""
    reduced = ReducedView(view, 1)
    pixels = reduced.read(0, 0, reduced.width, reduced.height)
    windows = module.sampled_pixels(reduced, tissue_map(view), 0)
    vectors = estimate_stains(windows, "vahadane").vectors
    amounts = haematoxylin(windows[tissue_pixels(windows)], vectors)
    labels, _ = ndimage.label(haematoxylin(pixels, vectors) > 0.4 * amounts.max())
    found = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        if (labels == number).sum() >= 15:
            found.append((columns.start + columns.stop - 1, rows.start + rows.stop - 1))
    return np.array(sorted(found, key=lambda point: point[::-1]), np.float64)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 99), st.integers(60, 260), st.integers(60, 260), st.integers(1, 9), st.integers(5, 90))
def test_blocks_and_bands_make_no_difference(seed: int, width: int, height: int, rows: int, columns: int) -> None:
    """Equal to the whole at once, also for what is as large as the picture."""
    pixels, _ = scene(width, height, seed, nuclei=12)
    paint_ellipse(pixels, width / 2, height / 2, width / 2, 5, NUCLEUS)
    paint_ellipse(pixels, width / 2, height / 2, 5, height / 2, NUCLEUS)
    view = view_of(pixels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BAND_HEIGHT", 16 * rows)
        patch.setattr(module, "BLOCK_WIDTH", columns)
        found = found_in(view)
    np.testing.assert_array_equal(found, whole_at_once(view))


def test_glass_is_not_read() -> None:
    pixels, _ = scene(300, 220)
    pixels = np.concatenate((pixels, plain(2500, 220, GLASS)), axis=1)
    view = view_of(pixels)
    tissue = tissue_map(view)
    furthest = 0

    def read(x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        nonlocal furthest
        furthest = max(furthest, x + width)
        return pixels[y : y + height, x : x + width]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(view, "read", read)
        assert len(candidates(view, SETTINGS, tissue)) == 8
    assert 300 < furthest < 2100
    assert len(found_in(view_of(plain(200, 100, GLASS)))) == 0


def test_nothing_is_found_in_padding_and_it_moves_no_threshold() -> None:
    pixels, nuclei = scene(300, 220)
    padded = np.concatenate((pixels, plain(150, 220, (2, 0, 3))), axis=1)
    found = found_in(view_of(padded))
    assert len(found) == 8
    assert nearest(found, nuclei).max() <= 2


def test_a_dark_artefact_moves_the_maximum_and_not_the_percentile() -> None:
    pixels, nuclei = scene(600, 600)
    pixels[300:312, 300:312] = (1, 12, 1)
    assert len(found_in(view_of(pixels), stain_model="ruifrok", share=0.5)) == 1
    found = found_in(view_of(pixels), stain_model="ruifrok", share=0.5, reference="percentile")
    assert nearest(found, nuclei).max() <= 2

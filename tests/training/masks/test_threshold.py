"""Masks from haematoxylin alone: drawn figures against what was drawn, and real ones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from algorithm.images import open_image
from tests.arrays import CANDIDATE, FIGURE, GLASS, paint_ellipse, plain
from tests.synthetic.figures import mitotic_figure
from tests.synthetic.landscape import fill, landscape
from tests.synthetic.nuclei import interphase
from tests.synthetic.optics import Scanner, scan
from tests.synthetic.stamps import lay
from training.data.ami_br import patch_path
from training.data.regions import Pixels, Region, in_memory
from training.mask_settings import MaskSettings
from training.masks.figure import FigureMask, paint
from training.masks.shapes import without_specks_and_holes
from training.masks.threshold import haematoxylin, opened, otsu, threshold_masks

NUCLEI = ((20, 20), (110, 30), (30, 100), (100, 100))


def region(pixels: Pixels, *figures: tuple[float, float], spacing_um: float = 0.25) -> Region:
    return in_memory("a", "a", "a", pixels, spacing_um, np.array(figures))


def masks_of(where: Region, **changes: float) -> list[FigureMask]:
    return list(threshold_masks(where, MaskSettings(**changes)))


def drawn(kind: str, seed: int) -> tuple[Pixels, np.ndarray]:
    """A figure among nuclei, 128 x 128 px, and where it holds more than half the haematoxylin of its chromosomes."""
    rng = np.random.default_rng(seed)
    land = replace(landscape(rng, 128, 0, stroma=0.12), empty=np.zeros((128, 128)))
    slide = fill(rng, land, np.array([*NUCLEI, (64, 64)], float))
    for x, y in NUCLEI:
        lay(slide, interphase(rng), x, y)
    piece = mitotic_figure(rng, kind)
    lay(slide, piece, 64, 64)
    truth, reach = np.zeros((128, 128), bool), piece.cover.shape[0] // 2
    truth[64 - reach : 64 + reach + 1, 64 - reach : 64 + reach + 1] = piece.planes[0] > 0.45
    return scan(slide, Scanner(), rng), truth


@pytest.mark.parametrize("kind", ["metaphase", "polar metaphase", "prometaphase", "tripolar metaphase"])
@pytest.mark.parametrize("seed", range(4))
def test_a_drawn_figure_is_found_as_it_was_drawn(kind: str, seed: int) -> None:
    pixels, truth = drawn(kind, seed)
    (mask,) = masks_of(region(pixels, (64, 64)))
    found = paint([mask], 0, 0, 128, 128).astype(bool)
    assert mask.way == "threshold"
    assert (found & truth).sum() / (found | truth).sum() > 0.8


def test_plates_far_apart_get_a_disk_between_them() -> None:
    """The click of a telophase is on neither half."""
    pixels, _ = drawn("telophase", 0)
    (mask,) = masks_of(region(pixels, (64, 64)))
    assert (mask.way, mask.area_px) == ("disk", 441)


def ellipses(*places: tuple[int, int], size: int = 128) -> Pixels:
    pixels = plain(size, size)
    for x, y in places:
        paint_ellipse(pixels, x, y, 9, 6)
    return pixels


def test_a_figure_is_its_own_pixels_alone() -> None:
    """An ellipse of 161 px among others, wherever it lies; the blur moves the outline by no more than a pixel."""
    corners = [(12, 10), (115, 117), (64, 64)]
    pixels = ellipses(*corners, (40, 64), (90, 20))
    for (x, y), mask in zip(corners, masks_of(region(pixels, *corners)), strict=True):
        rows, columns = np.nonzero(mask.mask)
        assert mask.way == "threshold"
        assert abs(mask.area_px - 161) < 15
        assert (mask.x + columns.mean(), mask.y + rows.mean()) == pytest.approx((x, y), abs=0.1)


@pytest.mark.parametrize(("miss", "way"), [(9, "threshold"), (10, "disk"), (20, "disk")])
def test_a_click_may_miss_by_three_quarters_of_a_um(miss: int, way: str) -> None:
    """The ellipse reaches 6 px up."""
    (mask,) = masks_of(region(ellipses((64, 64)), (64, 64 - miss)))
    assert mask.way == way


def test_a_strand_is_cut_off() -> None:
    pixels = ellipses((64, 64))
    pixels[64:67, 64:90] = FIGURE
    (mask,) = masks_of(region(pixels, (64, 64)))
    assert mask.x + mask.mask.shape[1] < 78


def test_eosin_is_no_figure() -> None:
    pixels = ellipses((64, 64))
    paint_ellipse(pixels, 80, 64, 8, 8, (225, 60, 130))
    (mask,) = masks_of(region(pixels, (64, 64)))
    assert mask.x + mask.mask.shape[1] < 76


def test_where_all_is_alike_there_is_a_disk() -> None:
    (mask,) = masks_of(region(plain(128, 128, GLASS), (64, 64)))
    assert mask.way == "disk"


@pytest.mark.parametrize("size", [40, 64])
def test_a_region_may_be_smaller_than_the_window(size: int) -> None:
    (mask,) = masks_of(region(ellipses((20, 20), size=size), (20, 20)))
    assert mask.way == "threshold"
    assert abs(mask.area_px - 161) < 15


def test_at_half_the_resolution_a_figure_has_a_quarter_of_the_pixels() -> None:
    pixels = ellipses((64, 64))[::2, ::2]
    (mask,) = masks_of(region(pixels, (32, 32), spacing_um=0.5))
    assert mask.way == "threshold"
    assert abs(mask.area_px - 161 / 4) < 8


def between(values: np.ndarray, threshold: float) -> float:
    """The variance between the parts above a threshold and below."""
    above = values > threshold
    return float(above.mean() * (1 - above.mean()) * (values[above].mean() - values[~above].mean()) ** 2)


def real_patches(shared_data: Path) -> list[Pixels]:
    """62 of AMi-Br's, 128 x 128 px, each with a figure in its middle."""
    folder = shared_data / "AMi-Br"
    patches = []
    for row in pd.read_csv(folder / "AMI-BR.csv").iloc[::60].itertuples():
        with open_image(patch_path(folder, row.dataset, row.uid, row.majority_atypical), 0.25) as patch:
            patches.append(patch.read(0, 0, 128, 128))
    return patches


LITERAL = {"blur_um": 0.0, "opening_um": 0.0, "reach_um": 0.0}
UNCLEANED = {**LITERAL, "smallest_part_um2": 0.0, "smallest_hole_um2": 0.0}


def literal(pixels: Pixels, x: int, y: int, settings: MaskSettings) -> np.ndarray | None:
    """Of 64 px about a click in 128: Otsu's threshold and the part at the click; None: no mask.

    The amounts are those of the normal equations of the two stains, in 256 shades, all of which are tried.
    """
    corner_x, corner_y = x - 32, y - 32
    window = pixels[corner_y : corner_y + 64, corner_x : corner_x + 64]
    stains = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
    stains /= np.linalg.norm(stains, axis=1, keepdims=True)
    density = -np.log(np.maximum(window, 1) / 255).reshape(-1, 3)
    amounts = np.linalg.solve(stains @ stains.T, stains @ density.T)[0].reshape(64, 64)
    shades = np.minimum(256 * (amounts - amounts.min()) / np.ptp(amounts), 255).astype(int)
    dark = shades > max(range(255), key=lambda at: between(shades, at))
    parts, _ = ndimage.label(without_specks_and_holes(dark, 0.25, settings))
    figure = parts == parts[32, 32]
    if not parts[32, 32] or not 30 <= figure.sum() <= 2500:
        return None
    whole = np.zeros((128, 128), bool)
    whole[corner_y : corner_y + 64, corner_x : corner_x + 64] = figure
    return whole


def assert_literal(pixels: Pixels, x: int, y: int, changes: dict[str, float]) -> str:
    (mask,), expected = masks_of(region(pixels, (x, y)), **changes), literal(pixels, x, y, MaskSettings(**changes))
    assert (mask.way == "disk") == (expected is None)
    if expected is not None:
        np.testing.assert_array_equal(paint([mask], 0, 0, 128, 128).astype(bool), expected)
    return mask.way


@pytest.mark.parametrize("changes", [LITERAL, UNCLEANED])
@pytest.mark.parametrize("kind", ["metaphase", "prometaphase", "telophase"])
def test_without_blur_opening_and_reach_it_is_otsus_part_at_the_click(kind: str, changes: dict[str, float]) -> None:
    """Anywhere about a drawn figure: on it, and beside it, where there is a disk."""
    pixels, _ = drawn(kind, 1)
    ways = [assert_literal(pixels, x, y, changes) for x in range(52, 77, 4) for y in range(52, 77, 4)]
    assert set(ways) == {"threshold", "disk"}


@pytest.mark.parametrize("changes", [LITERAL, UNCLEANED])
def test_of_real_figures_too(shared_data: Path, changes: dict[str, float]) -> None:
    ways = [assert_literal(pixels, 64, 64, changes) for pixels in real_patches(shared_data)]
    assert set(ways) == {"threshold", "disk"}


def test_a_click_beside_a_figure_gets_a_disk_where_none_may_reach() -> None:
    """The ellipse reaches 6 px up; without blur and opening it is as it was painted."""
    beside = region(ellipses((64, 64)), (64, 57))
    assert masks_of(beside)[0].way == "threshold"
    assert masks_of(beside, reach_um=0)[0].way == "disk"
    assert masks_of(beside, **LITERAL)[0].way == "disk"
    (mask,) = masks_of(region(ellipses((64, 64)), (64, 58)), **LITERAL)
    expected = (ellipses((64, 64)) == FIGURE).all(axis=2)
    np.testing.assert_array_equal(paint([mask], 0, 0, 128, 128), expected)


def test_a_strand_stays_without_an_opening() -> None:
    pixels = ellipses((64, 64))
    pixels[64:67, 64:90] = FIGURE
    (mask,) = masks_of(region(pixels, (64, 64)), opening_um=0)
    assert mask.x + mask.mask.shape[1] == 90


def test_the_blur_is_a_setting() -> None:
    """It rounds a square's corners off."""
    pixels = plain(128, 128)
    pixels[56:72, 56:72] = FIGURE
    here = region(pixels, (64, 64))
    areas = [masks_of(here, blur_um=blur, opening_um=0)[0].area_px for blur in (0, 0.5)]
    assert areas == [256, 252]


def test_a_darker_neighbour_counts_within_the_window_alone() -> None:
    """A pale figure is none beside a black one 40 px away, which a window of 16 um does not reach."""
    pixels = plain(128, 128)
    paint_ellipse(pixels, 40, 64, 9, 6, CANDIDATE)
    paint_ellipse(pixels, 80, 64, 9, 9, (8, 4, 20))
    assert masks_of(region(pixels, (40, 64)))[0].way == "threshold"
    assert masks_of(region(pixels, (40, 64)), window_um=32)[0].way == "disk"


def test_otsu_divides_two_heaps_between_them() -> None:
    rng = np.random.default_rng(0)
    low, high = rng.normal(0.2, 0.05, 3000), rng.normal(1.0, 0.1, 500)
    assert low.max() <= otsu(np.concatenate([low, high])) < high.min()


def test_otsu_has_the_greatest_variance_between_the_parts() -> None:
    """Tried at every edge of the histogram."""
    values = np.random.default_rng(1).gamma(2.0, 1.0, (40, 40))
    edges = np.histogram(values, 256)[1][1:-1]
    assert between(values, otsu(values)) >= 0.999 * max(between(values, edge) for edge in edges)


def test_haematoxylin_is_what_is_blue() -> None:
    """Ruifrok's colours: of haematoxylin alone one unit, of eosin alone none."""
    density = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
    pixels = np.rint(255 * np.exp(-density / np.linalg.norm(density, axis=1)[:, None])).astype(np.uint8)
    for colour, amount in zip(pixels, (1, 0), strict=True):
        np.testing.assert_allclose(haematoxylin(np.tile(colour, (9, 9, 1)), 1.0), amount, atol=0.01)


def test_opening_keeps_what_a_disk_reaches() -> None:
    mask = np.zeros((20, 30), bool)
    mask[5:15, 5:15], mask[8:12, 15:28] = True, True
    assert not opened(mask, 2.0)[:, 17:].any()
    assert opened(mask, 1.0)[9, 15:27].all()
    assert opened(mask, 2.0)[7:13, 5:15].all()


def test_most_real_figures_need_no_disk(shared_data: Path) -> None:
    """About nine of ten of all; the disks are mostly late phases, whose centre lies between two plates."""
    ways, areas = [], []
    for pixels in real_patches(shared_data):
        (mask,) = masks_of(region(pixels, (64, 64)))
        ways.append(mask.way)
        areas.append(mask.area_px / 16)
    assert len(ways) > 50
    assert 0.02 < ways.count("disk") / len(ways) < 0.2
    assert 20 < np.median(areas) < 45

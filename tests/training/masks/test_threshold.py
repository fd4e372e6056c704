"""Masks from haematoxylin alone: drawn figures against what was drawn, and real ones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from algorithm.images import open_image
from tests.arrays import FIGURE, GLASS, paint_ellipse, plain
from tests.synthetic.figures import mitotic_figure
from tests.synthetic.landscape import fill, landscape
from tests.synthetic.nuclei import interphase
from tests.synthetic.optics import Scanner, scan
from tests.synthetic.stamps import lay
from training.data.ami_br import patch_path
from training.data.regions import Pixels, Region, in_memory
from training.masks.figure import paint
from training.masks.threshold import haematoxylin, opened, otsu, threshold_masks

NUCLEI = ((20, 20), (110, 30), (30, 100), (100, 100))


def region(pixels: Pixels, *figures: tuple[float, float], spacing_um: float = 0.25) -> Region:
    return in_memory("a", "a", "a", pixels, spacing_um, np.array(figures))


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
    (mask,) = threshold_masks(region(pixels, (64, 64)))
    found = paint([mask], 0, 0, 128, 128).astype(bool)
    assert mask.way == "threshold"
    assert (found & truth).sum() / (found | truth).sum() > 0.8


def test_plates_far_apart_get_a_disk_between_them() -> None:
    """The click of a telophase is on neither half."""
    pixels, _ = drawn("telophase", 0)
    (mask,) = threshold_masks(region(pixels, (64, 64)))
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
    for (x, y), mask in zip(corners, threshold_masks(region(pixels, *corners)), strict=True):
        rows, columns = np.nonzero(mask.mask)
        assert mask.way == "threshold"
        assert abs(mask.area_px - 161) < 15
        assert (mask.x + columns.mean(), mask.y + rows.mean()) == pytest.approx((x, y), abs=0.1)


@pytest.mark.parametrize(("miss", "way"), [(9, "threshold"), (10, "disk"), (20, "disk")])
def test_a_click_may_miss_by_three_quarters_of_a_um(miss: int, way: str) -> None:
    """The ellipse reaches 6 px up."""
    (mask,) = threshold_masks(region(ellipses((64, 64)), (64, 64 - miss)))
    assert mask.way == way


def test_a_strand_is_cut_off() -> None:
    pixels = ellipses((64, 64))
    pixels[64:67, 64:90] = FIGURE
    (mask,) = threshold_masks(region(pixels, (64, 64)))
    assert mask.x + mask.mask.shape[1] < 78


def test_eosin_is_no_figure() -> None:
    pixels = ellipses((64, 64))
    paint_ellipse(pixels, 80, 64, 8, 8, (225, 60, 130))
    (mask,) = threshold_masks(region(pixels, (64, 64)))
    assert mask.x + mask.mask.shape[1] < 76


def test_where_all_is_alike_there_is_a_disk() -> None:
    (mask,) = threshold_masks(region(plain(128, 128, GLASS), (64, 64)))
    assert mask.way == "disk"


@pytest.mark.parametrize("size", [40, 64])
def test_a_region_may_be_smaller_than_the_window(size: int) -> None:
    (mask,) = threshold_masks(region(ellipses((20, 20), size=size), (20, 20)))
    assert mask.way == "threshold"
    assert abs(mask.area_px - 161) < 15


def test_at_half_the_resolution_a_figure_has_a_quarter_of_the_pixels() -> None:
    pixels = ellipses((64, 64))[::2, ::2]
    (mask,) = threshold_masks(region(pixels, (32, 32), spacing_um=0.5))
    assert mask.way == "threshold"
    assert abs(mask.area_px - 161 / 4) < 8


def test_otsu_divides_two_heaps_between_them() -> None:
    rng = np.random.default_rng(0)
    low, high = rng.normal(0.2, 0.05, 3000), rng.normal(1.0, 0.1, 500)
    assert low.max() <= otsu(np.concatenate([low, high])) < high.min()


def test_otsu_has_the_greatest_variance_between_the_parts() -> None:
    """Tried at every edge of the histogram."""
    values = np.random.default_rng(1).gamma(2.0, 1.0, (40, 40))
    edges = np.histogram(values, 256)[1][1:-1]

    def between(threshold: float) -> float:
        above = values > threshold
        return float(above.mean() * (1 - above.mean()) * (values[above].mean() - values[~above].mean()) ** 2)

    assert between(otsu(values)) >= 0.999 * max(between(edge) for edge in edges)


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
    folder = shared_data / "AMi-Br"
    rows = pd.read_csv(folder / "AMI-BR.csv").iloc[::60]
    ways, areas = [], []
    for row in rows.itertuples():
        with open_image(patch_path(folder, row.dataset, row.uid, row.majority_atypical), 0.25) as patch:
            pixels = patch.read(0, 0, 128, 128)
        (mask,) = threshold_masks(region(pixels, (64, 64)))
        ways.append(mask.way)
        areas.append(mask.area_px / 16)
    assert len(ways) > 50
    assert 0.02 < ways.count("disk") / len(ways) < 0.2
    assert 20 < np.median(areas) < 45

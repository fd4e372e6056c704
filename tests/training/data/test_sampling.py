"""Batches of tiles. The regions' pixels say where they are, so that a window tells where it was cut."""

from collections import Counter

import numpy as np
import pytest

from algorithm.errors import InputError
from algorithm.size import Size
from training.data.regions import Region, in_memory
from training.data.sampling import TileSampler, Window
from training.recipe import SamplingSettings

TILE, WINDOW = Size(24, 20), Size(40, 32)
SETTINGS = SamplingSettings(mask_radius_um=1.0)  # 4 px


def located(number: int, figures: list[tuple[int, int]], look_alikes: list[tuple[int, int]]) -> Region:
    """160 x 120 px of red x, green y and blue `number`."""
    pixels = np.empty((120, 160, 3), np.uint8)
    pixels[..., 0], pixels[..., 1], pixels[..., 2] = np.arange(160), np.arange(120)[:, None], number
    region = in_memory(str(number), str(number), "drawn", pixels, 0.25, np.array(figures, float).reshape(-1, 2))
    return Region(**{**vars(region), "hard_negatives": np.array(look_alikes, float).reshape(-1, 2)})


def holds(pixels: np.ndarray, points: np.ndarray) -> bool:
    return any((pixels[..., :2] == point).all(axis=-1).any() for point in points)


def middle(window: Window) -> np.ndarray:
    left, top = np.subtract(WINDOW, TILE) // 2
    return window.pixels[top : top + TILE.height, left : left + TILE.width]


FIGURES = [(5, 6), (80, 60), (155, 115), (40, 90)]
REGIONS = [located(0, FIGURES, [(100, 45)]), located(1, [(70, 70)], []), located(2, [], [(30, 30), (100, 80)])]
POINTS = {region_number: region.figures for region_number, region in enumerate(REGIONS)}


@pytest.fixture
def sampler() -> TileSampler:
    return TileSampler([REGIONS], TILE, 0.25, SETTINGS)


@pytest.fixture
def windows(sampler: TileSampler) -> list[Window]:
    return sampler.batch(np.random.default_rng(0), 400, WINDOW)


def test_half_of_a_batch_is_positive(sampler: TileSampler) -> None:
    for size, positives in ((8, 4), (24, 12), (1, 0), (2, 1)):
        batch = sampler.batch(np.random.default_rng(0), size, WINDOW)
        assert [len(batch), sum(window.positive for window in batch)] == [size, positives]


def test_more_negatives_are_drawn_than_a_batch_holds() -> None:
    settings = SETTINGS.model_copy(update={"negatives_drawn": 3})
    batch = TileSampler([REGIONS], TILE, 0.25, settings).batch(np.random.default_rng(0), 8, WINDOW)
    assert [window.positive for window in batch] == [True] * 4 + [False] * 12


def test_windows_and_masks_have_their_size(windows: list[Window]) -> None:
    assert {window.pixels.shape for window in windows} == {(32, 40, 3)}
    assert {window.mask.shape for window in windows} == {(32, 40)}
    assert {window.mask.dtype for window in windows} == {np.dtype(np.uint8)}


def test_a_positive_tile_holds_the_centre_of_a_figure(windows: list[Window]) -> None:
    for window in windows:
        if window.positive:
            assert holds(middle(window), POINTS[window.pixels[0, 0, 2]])


def test_a_negative_window_holds_none(windows: list[Window]) -> None:
    """Though a figure is near the look-alikes, and though there may be no tissue without figures."""
    alone = TileSampler([[REGIONS[1]]], TILE, 0.25, SETTINGS).batch(np.random.default_rng(0), 200, WINDOW)
    negatives = [window for window in [*windows, *alone] if not window.positive]
    assert len(negatives) == 300
    for window in negatives:
        assert not holds(window.pixels, POINTS[window.pixels[0, 0, 2]])
        assert not window.mask.any()


def test_a_mask_is_where_the_figures_are(windows: list[Window]) -> None:
    """Every pixel tells its place, so its distance to the nearest figure is known; reflection included."""
    for window in windows:
        figures = POINTS[window.pixels[0, 0, 2]]
        if len(figures):
            places = window.pixels[..., None, :2].astype(float)
            near = np.linalg.norm(places - figures, axis=-1).min(axis=-1) <= 4
            np.testing.assert_array_equal(window.mask, near)


def test_figures_lie_anywhere_in_their_tiles(windows: list[Window]) -> None:
    places = [
        np.argwhere((middle(window)[..., :2] == (80, 60)).all(axis=-1))[0]
        for window in windows
        if window.positive and window.pixels[0, 0, 2] == 0 and holds(middle(window), np.array([(80, 60)]))
    ]
    spread = np.array(places)
    assert len(spread) > 25
    assert (spread.min(axis=0) <= 3).all()
    assert (spread.max(axis=0) >= (TILE.height - 4, TILE.width - 4)).all()


def test_figures_are_drawn_alike(windows: list[Window]) -> None:
    """Five figures in two regions: 200 draws give the single figure of the second region about 40."""
    drawn = Counter(int(window.pixels[0, 0, 2]) for window in windows if window.positive)
    assert 20 < drawn[1] < 65


def test_half_of_the_negatives_hold_a_look_alike(windows: list[Window]) -> None:
    look_alikes = {number: region.hard_negatives for number, region in enumerate(REGIONS)}
    negatives = [window for window in windows if not window.positive]
    with_one = sum(holds(middle(window), look_alikes[window.pixels[0, 0, 2]]) for window in negatives)
    assert 0.4 < with_one / len(negatives) < 0.8  # and some of the others by chance


def test_data_sets_have_equal_shares() -> None:
    """However many figures they hold."""
    rich = located(0, [(x, y) for x in range(10, 150, 10) for y in range(10, 110, 10)], [])
    poor = located(1, [(70, 70)], [])
    batch = TileSampler([[rich], [poor]], TILE, 0.25, SETTINGS).batch(np.random.default_rng(0), 400, WINDOW)
    drawn = Counter(int(window.pixels[0, 0, 2]) for window in batch if window.positive)
    assert 70 < drawn[0] < 130


def test_figure_free_tissue_gives_the_negatives() -> None:
    batch = TileSampler([[REGIONS[1]], [located(3, [], [])]], TILE, 0.25, SETTINGS).batch(
        np.random.default_rng(0), 20, WINDOW
    )
    assert {int(window.pixels[0, 0, 2]) for window in batch if not window.positive} == {3}


def test_negatives_are_not_glass() -> None:
    """Half the picture is glass: nearly every negative has a quarter of tissue."""
    region = located(1, [(150, 110)], [])
    pixels = region.read(0, 0, 160, 120).copy()
    pixels[:, :100] = 245
    glassy = in_memory("a", "a", "a", pixels, 0.25, region.figures)
    batch = TileSampler([[glassy]], TILE, 0.25, SETTINGS).batch(np.random.default_rng(0), 100, TILE)
    shares = [(window.pixels.min(axis=2) < 200).mean() for window in batch if not window.positive]
    assert np.mean(np.array(shares) > 0.15) == 1


def test_the_generator_decides_everything(sampler: TileSampler) -> None:
    first, again, other = (sampler.batch(np.random.default_rng(seed), 12, WINDOW) for seed in (3, 3, 4))
    assert all(np.array_equal(one.pixels, two.pixels) for one, two in zip(first, again, strict=True))
    assert not all(np.array_equal(one.pixels, two.pixels) for one, two in zip(first, other, strict=True))


def test_data_without_a_figure_is_refused() -> None:
    with pytest.raises(InputError, match="No region of the fold holds a mitotic figure"):
        TileSampler([[located(0, [], [(30, 30)])]], TILE, 0.25, SETTINGS)

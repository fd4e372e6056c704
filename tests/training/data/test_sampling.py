"""Batches of tiles. The regions' pixels say where they are, so that a window tells where it was cut."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from algorithm.errors import InputError
from algorithm.size import Size
from algorithm.tiles import stride_px
from training.data.positives import GridTiles
from training.data.regions import Region, in_memory
from training.data.sampling import TileSampler, Window
from training.recipe import SamplingSettings

TILE, WINDOW = Size(24, 20), Size(40, 32)
SETTINGS, RADIUS_PX = SamplingSettings(), 4.0


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
    return TileSampler([REGIONS], TILE, RADIUS_PX, SETTINGS)


@pytest.fixture
def windows(sampler: TileSampler) -> list[Window]:
    return sampler.batch(np.random.default_rng(0), 400, WINDOW)


def test_half_of_a_batch_is_positive(sampler: TileSampler) -> None:
    for size, positives in ((8, 4), (24, 12), (1, 0), (2, 1)):
        batch = sampler.batch(np.random.default_rng(0), size, WINDOW)
        assert [len(batch), sum(window.positive for window in batch)] == [size, positives]


def test_more_negatives_are_drawn_than_a_batch_holds() -> None:
    settings = SETTINGS.model_copy(update={"negatives_drawn": 3})
    batch = TileSampler([REGIONS], TILE, RADIUS_PX, settings).batch(np.random.default_rng(0), 8, WINDOW)
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
    alone = TileSampler([[REGIONS[1]]], TILE, RADIUS_PX, SETTINGS).batch(np.random.default_rng(0), 200, WINDOW)
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


def figures_shown(sampler: TileSampler, batches: int, size: int) -> list[tuple[int, ...]]:
    """Region and place of the figures that the positives of a run's first batches are about, the next one each time."""
    shown = []
    for number in range(batches):
        for window in sampler.batch(np.random.default_rng(number), size, WINDOW, number)[: sampler.positives(size)]:
            region = int(window.pixels[0, 0, 2])
            (place,) = [point for point in POINTS[region] if holds(middle(window), point[None])]
            shown.append((region, *place.astype(int).tolist()))
    return shown


def test_each_figure_comes_once_before_any_comes_again() -> None:
    """Across batches, in another order each time; 5 figures, 2 a batch."""
    shown = figures_shown(TileSampler([REGIONS], TILE, RADIUS_PX, SETTINGS), batches=10, size=4)
    turns = [shown[start : start + 5] for start in range(0, 20, 5)]
    everything = {(number, x, y) for number, points in POINTS.items() for x, y in points.astype(int).tolist()}
    assert all(set(turn) == everything for turn in turns)
    assert len({tuple(turn) for turn in turns}) > 1


def test_the_seed_decides_the_order_of_figures() -> None:
    first, again, other = (
        figures_shown(TileSampler([REGIONS], TILE, RADIUS_PX, SETTINGS, seed=seed), batches=5, size=4)
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_half_of_the_negatives_hold_a_look_alike(windows: list[Window]) -> None:
    look_alikes = {number: region.hard_negatives for number, region in enumerate(REGIONS)}
    negatives = [window for window in windows if not window.positive]
    with_one = sum(holds(middle(window), look_alikes[window.pixels[0, 0, 2]]) for window in negatives)
    assert 0.4 < with_one / len(negatives) < 0.8  # and some of the others by chance


def test_data_sets_have_equal_shares() -> None:
    """However many figures they hold."""
    rich = located(0, [(x, y) for x in range(10, 150, 10) for y in range(10, 110, 10)], [])
    poor = located(1, [(70, 70)], [])
    batch = TileSampler([[rich], [poor]], TILE, RADIUS_PX, SETTINGS).batch(np.random.default_rng(0), 400, WINDOW)
    assert Counter(int(window.pixels[0, 0, 2]) for window in batch if window.positive) == {0: 100, 1: 100}


def test_negatives_come_from_regions_with_figures_too() -> None:
    """In proportion to their areas: nineteen regions have a figure, one has none and gives a twentieth of them."""
    regions = [located(number, [(70, 70)] if number else [], []) for number in range(20)]
    batch = TileSampler([regions], TILE, RADIUS_PX, SETTINGS).batch(np.random.default_rng(0), 800, TILE)
    drawn = Counter(int(window.pixels[0, 0, 2]) for window in batch if not window.positive)
    assert drawn[0] < 40
    assert len(drawn) == 20


def test_where_figures_are_everywhere_tissue_without_any_gives_the_negatives() -> None:
    """As on sheets of patches, of which every window shows a figure."""
    crowded = located(1, [(x, y) for x in range(5, 160, 10) for y in range(5, 120, 10)], [])
    sampler = TileSampler([[crowded], [located(3, [], [])]], TILE, RADIUS_PX, SETTINGS)
    batch = sampler.batch(np.random.default_rng(0), 40, WINDOW)
    assert {int(window.pixels[0, 0, 2]) for window in batch if not window.positive} == {3}


def test_the_share_of_tissue_is_a_setting() -> None:
    """A picture of a third of tissue, at its left: with a share of a half asked for, hardly a tile lies beside it."""
    region = located(1, [(150, 110)], [])
    pixels = region.read(0, 0, 160, 120).copy()
    pixels[:, 53:] = 245
    glassy = in_memory("a", "a", "a", pixels, 0.25, region.figures)

    def mean_share(least: float) -> float:
        settings = SETTINGS.model_copy(update={"least_tissue": least})
        batch = TileSampler([[glassy]], TILE, RADIUS_PX, settings).batch(np.random.default_rng(0), 100, TILE)
        return float(np.mean([(window.pixels.min(axis=2) < 200).mean() for window in batch if not window.positive]))

    assert mean_share(0.5) > 0.7 > 0.5 > mean_share(0.0)


def test_negatives_are_not_glass() -> None:
    """Half the picture is glass: nearly every negative has a quarter of tissue."""
    region = located(1, [(150, 110)], [])
    pixels = region.read(0, 0, 160, 120).copy()
    pixels[:, :100] = 245
    glassy = in_memory("a", "a", "a", pixels, 0.25, region.figures)
    batch = TileSampler([[glassy]], TILE, RADIUS_PX, SETTINGS).batch(np.random.default_rng(0), 100, TILE)
    shares = [(window.pixels.min(axis=2) < 200).mean() for window in batch if not window.positive]
    assert np.mean(np.array(shares) > 0.15) == 1


def test_the_generator_decides_everything(sampler: TileSampler) -> None:
    first, again, other = (sampler.batch(np.random.default_rng(seed), 12, WINDOW) for seed in (3, 3, 4))
    assert all(np.array_equal(one.pixels, two.pixels) for one, two in zip(first, again, strict=True))
    assert not all(np.array_equal(one.pixels, two.pixels) for one, two in zip(first, other, strict=True))


def test_data_without_a_figure_is_refused() -> None:
    with pytest.raises(InputError, match="No region of the fold holds a mitotic figure"):
        TileSampler([[located(0, [], [(30, 30)])]], TILE, RADIUS_PX, SETTINGS)


def test_a_literal_epoch_shows_every_tile_of_the_grid_that_holds_a_figure_once() -> None:
    """Against a search through all tiles of a region of 160 x 120 px, the last ones at its border."""
    settings, stride = SETTINGS.model_copy(update={"epoch": "literal"}), Size(12, 8)
    sampler = TileSampler([REGIONS], TILE, RADIUS_PX, settings, overlap=0.6)
    xs = [*range(0, 160 - TILE.width, stride.width), 160 - TILE.width]
    ys = [*range(0, 120 - TILE.height, stride.height), 120 - TILE.height]
    expected = {
        (number, x, y)
        for number, points in POINTS.items()
        for x in xs
        for y in ys
        if ((points >= (x, y)) & (points < (x + TILE.width, y + TILE.height))).all(axis=1).any()
    }
    windows = [sampler.window(np.random.default_rng(0), turn, TILE) for turn in range(len(sampler.figures))]
    assert sorted((w.pixels[0, 0, 2], *w.pixels[0, 0, :2]) for w in windows) == sorted(expected)
    assert all(window.positive for window in windows)


def test_a_literal_epoch_of_midogpp_has_as_many_tiles_as_the_docs_say(shared_data: Path) -> None:
    """All tumours, 512 px at an overlap of 0.8; of the annotations alone."""
    published = json.loads((shared_data / "MIDOGpp" / "MIDOG++.json").read_text())
    figures: dict[int, list[tuple[float, float]]] = {image["id"]: [] for image in published["images"]}
    for annotation in published["annotations"]:
        if annotation["category_id"] == 1:
            left, top, right, bottom = annotation["bbox"]
            figures[annotation["image_id"]].append(((left + right) / 2, (top + bottom) / 2))
    known = located(0, [], [])
    regions = [
        replace(known, width=image["width"], height=image["height"], figures=np.array(figures[image["id"]]))
        for image in published["images"]
        if figures[image["id"]]
    ]
    tile = Size.square(512)
    assert len(GridTiles([regions], tile, stride_px(tile, 0.8), seed=0)) == 198_391

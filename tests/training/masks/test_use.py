"""Masks in training: each region has those that were made of it, and the sampler cuts them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from algorithm.errors import InputError
from algorithm.size import Size
from tests.training.drawing import drawn_region
from training.augment.tiles import augmented_tiles
from training.data.names import data_set_name
from training.data.read import Data
from training.data.regions import Region, at_resolution, in_memory
from training.data.sampling import TileSampler
from training.mask_settings import MaskSettings
from training.masks.figure import FigureMask
from training.masks.files import DataSetMasks, RegionMasks, write_masks
from training.masks.use import with_masks
from training.recipe import AugmentSettings, SamplingSettings

FIGURES = [(4, 6), (80, 60), (155, 115), (40, 90)]
WINDOW, TILE = Size(40, 32), Size(24, 16)


def crooked(x: int, y: int, seed: int) -> FigureMask:
    """Pixels at random about a figure, cut at the corner of the region."""
    mask = np.random.default_rng(seed).random((11, 13)) < 0.5
    mask[0], mask[:, 0] = True, True
    left, top = max(x - 6, 0), max(y - 5, 0)
    return FigureMask(left, top, mask[: 120 - top, : 160 - left], "threshold")


MASKS = [crooked(x, y, number) for number, (x, y) in enumerate(FIGURES)]
WHOLE = np.zeros((120, 160), np.uint8)
for one in MASKS:
    WHOLE[one.y : one.y + one.mask.shape[0], one.x : one.x + one.mask.shape[1]] |= one.mask


def located() -> Region:
    """160 x 120 px of red x + 20 and green y + 20, so that a window tells where it was cut."""
    pixels = np.full((120, 160, 3), 60, np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(160) + 20, np.arange(120)[:, None] + 20
    return in_memory("a", "a", "a", pixels, 0.25, np.array(FIGURES, float))


def stored(region: Region, masks: Sequence[FigureMask]) -> RegionMasks:
    return RegionMasks(region.name, region.width, region.height, region.spacing_um, region.figures, list(masks))


def written(path: Path, name: str, regions: list[RegionMasks]) -> Path:
    write_masks(path, DataSetMasks(name, regions, MaskSettings().of_way(nuclick=False)))
    return path


@pytest.fixture
def masked(tmp_path: Path) -> Region:
    file = written(tmp_path / "m.npz", "drawn", [stored(located(), MASKS)])
    ((region,),) = with_masks(Data([[located()]], [], []), [Path("drawn")], [file], MaskSettings()).annotated
    return region


def test_every_window_has_the_stored_pixels_at_their_place(masked: Region) -> None:
    """Reflected beyond the region's border as its pixels are: each pixel tells where it comes from."""
    sampler = TileSampler([[masked]], TILE, 12.0, SamplingSettings())
    beyond = 0
    for window in sampler.batch(np.random.default_rng(0), 200, WINDOW):
        columns, rows = (window.pixels[..., channel].astype(int) - 20 for channel in (0, 1))
        np.testing.assert_array_equal(window.mask, WHOLE[rows, columns])
        beyond += int(len(np.unique(columns)) < WINDOW.width and window.mask.any())
    assert beyond > 20


def test_flips_and_turns_take_the_mask_along(masked: Region) -> None:
    sampler = TileSampler([[masked]], TILE, 12.0, SamplingSettings())
    windows = [window for window in sampler.batch(np.random.default_rng(1), 64, TILE) if window.positive]
    tiles, masks = augmented_tiles(windows, TILE, AugmentSettings(), torch.Generator().manual_seed(0))
    places = (tiles[:, :2] * 255).round().long().numpy() - 20
    turned = 0
    for place, mask in zip(places, masks[:, 0].numpy(), strict=True):
        np.testing.assert_array_equal(mask, WHOLE[place[1], place[0]])
        turned += int(place[0, 0, 0] != place[0].min())
    assert turned > 5


def test_without_masks_figures_are_disks() -> None:
    (window,) = TileSampler([[located()]], TILE, 4.0, SamplingSettings()).batch(np.random.default_rng(0), 1, WINDOW)[:1]
    columns, rows = (window.pixels[..., channel].astype(float) - 20 for channel in (0, 1))
    near = np.min([(columns - x) ** 2 + (rows - y) ** 2 for x, y in FIGURES], axis=0) <= 16
    np.testing.assert_array_equal(window.mask, near)


@pytest.mark.parametrize("resolution_um_px", [0.125, 0.5])
def test_masks_follow_the_recipes_resolution(tmp_path: Path, resolution_um_px: float) -> None:
    """A box of 8 x 4 px about (83, 61), even at its edges: exactly as large at half and at double the resolution."""
    box = FigureMask(80, 60, np.ones((4, 8), bool), "threshold")
    region = in_memory("a", "a", "a", located().read(0, 0, 160, 120), 0.25, np.array([[83.5, 61.5]]))
    file = written(tmp_path / "m.npz", "drawn", [stored(region, [box])])
    data = Data([[at_resolution(region, resolution_um_px)]], [], [])
    ((seen,),) = with_masks(data, [Path("drawn")], [file], MaskSettings()).annotated
    assert seen.mask is not None
    rows, columns = np.nonzero(seen.mask(0, 0, seen.width, seen.height))
    found = np.array([columns.min(), columns.max() + 1, rows.min(), rows.max() + 1]) * resolution_um_px
    np.testing.assert_array_equal(found, np.array([80, 88, 60, 64]) * 0.25)


def test_a_run_remembers_the_files(tmp_path: Path) -> None:
    first, second = drawn_region("1"), drawn_region("2", seed=2)
    disk = [FigureMask(10, 10, np.ones((9, 9), bool), "disk")] * 2
    files = [
        written(tmp_path / "one.npz", "b", [stored(second, disk)]),
        written(tmp_path / "two.npz", "a", [stored(first, disk)]),
    ]
    data = with_masks(Data([[first], [second]], [], []), [Path("x/a"), Path("y/b/")], files, MaskSettings())
    assert [(used["data_set"], used["file"], len(used["sha256"])) for used in data.masks] == [
        ("a", "two.npz", 64),
        ("b", "one.npz", 64),
    ]
    assert len({used["sha256"] for used in data.masks}) == 2


def test_a_region_without_figures_needs_no_masks(tmp_path: Path) -> None:
    empty = in_memory("b", "b", "b", located().read(0, 0, 160, 120), 0.25, np.empty((0, 2)))
    file = written(tmp_path / "m.npz", "drawn", [stored(located(), MASKS)])
    ((_, kept),) = with_masks(Data([[located(), empty]], [], []), [Path("drawn")], [file], MaskSettings()).annotated
    assert kept is empty


def moved(by: float) -> Region:
    return replace(located(), figures=located().figures + np.array([0, by]))


@pytest.mark.parametrize(
    ("region", "problem"),
    [
        (replace(located(), name="b"), "has no masks of b"),
        (replace(located(), figures=located().figures[:3]), "are of another annotation: 4 figures, not 3"),
        (replace(located(), width=180), "are of another annotation: an image of 160 x 120 px"),
        (replace(located(), spacing_um=0.5), "are of another annotation: an image of 80 x 60 px"),
        (moved(2.0), "are of another annotation: its figures lie elsewhere"),
    ],
)
def test_masks_of_something_else_are_refused_by_name(tmp_path: Path, region: Region, problem: str) -> None:
    file = written(tmp_path / "m.npz", "drawn", [stored(located(), MASKS)])
    with pytest.raises(InputError, match=r"m\.npz: drawn.*make-masks") as raised:
        with_masks(Data([[region]], [], []), [Path("drawn")], [file], MaskSettings())
    assert problem in str(raised.value)


def test_a_data_set_without_masks_is_refused_by_name(tmp_path: Path) -> None:
    file = written(tmp_path / "m.npz", "drawn", [stored(located(), MASKS)])
    with pytest.raises(InputError, match=r"No file of masks is of painted, but of drawn\."):
        with_masks(Data([[located()]], [], []), [Path("painted")], [file], MaskSettings())


def test_two_files_of_one_data_set_are_refused(tmp_path: Path) -> None:
    files = [written(tmp_path / name, "drawn", [stored(located(), MASKS)]) for name in ("1.npz", "2.npz")]
    with pytest.raises(InputError, match=r"1\.npz and \S+2\.npz both have masks of drawn"):
        with_masks(Data([[located()]], [], []), [Path("drawn")], files, MaskSettings())


def test_a_data_set_is_known_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [data_set_name(Path(name)) for name in ("a/MIDOGpp/", ".")] == ["MIDOGpp", tmp_path.name]


def test_masks_made_in_another_way_than_the_recipe_says_are_refused(tmp_path: Path) -> None:
    """What made no difference to them may be as it likes."""
    file, data = written(tmp_path / "m.npz", "drawn", [stored(located(), MASKS)]), Data([[located()]], [], [])
    with_masks(data, [Path("drawn")], [file], MaskSettings(nuclick_threshold=0.33))
    with pytest.raises(InputError) as raised:
        with_masks(data, [Path("drawn")], [file], MaskSettings(blur_um=0.5))
    problem = "m.npz: its masks were made with blur_um=0.25, the recipe's masks.blur_um is not that."
    assert str(raised.value).endswith(f"{problem} Give masks.blur_um=0.25, or make the masks again with --recipe.")

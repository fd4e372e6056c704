"""A region's stain vectors: once each, from a bounded part of it, the same whatever was asked for before."""

import logging

import numpy as np
import pytest
import torch

from algorithm.size import Size
from algorithm.stain import RUIFROK, USUAL, StainEstimation, StainModel, estimate_stains
from tests.arrays import GLASS, plain
from tests.training.drawing import drawn_data, typed_data
from training.data.regions import Pixels, Region, in_memory
from training.data.sampling import TileSampler
from training.data.split import split_fold
from training.data.stains import RegionStains, sampled_pixels
from training.recipe import SamplingSettings, load_recipe
from training.systems.build import build_system

VECTORS = np.array([[0.55, 0.76, 0.34], [0.18, 0.86, 0.48]])


def stained(width: int, height: int, seed: int = 0) -> Pixels:
    amounts = np.random.default_rng(seed).gamma(1.0, 0.7, (height, width, 2))
    return np.clip(255 * np.exp(-amounts @ VECTORS), 1, 255).astype(np.uint8)


def region(name: str, pixels: Pixels) -> Region:
    return in_memory(name, name, "drawn", pixels, 0.25, np.array([[20.0, 30.0]]))


def counted(of: Region, reads: list[tuple[int, int, int, int]]) -> Region:
    def read(x: int, y: int, width: int, height: int) -> Pixels:
        reads.append((x, y, width, height))
        return of.read(x, y, width, height)

    return Region(**{**vars(of), "read": read})


def test_a_small_region_is_read_whole() -> None:
    """Each pixel once, at widths that eight does not divide too."""
    pixels = np.arange(101 * 75 * 3, dtype=np.uint32).view(np.uint8)[: 101 * 75 * 3].reshape(75, 101, 3)
    found = sampled_pixels(region("a", pixels), 0)
    assert sorted(map(tuple, found)) == sorted(map(tuple, pixels.reshape(-1, 3)))


def test_of_a_large_region_a_window_in_each_64th() -> None:
    reads: list[tuple[int, int, int, int]] = []
    large = counted(region("a", plain(4000, 1600)), reads)
    assert len(sampled_pixels(large, 0)) == 64 * 128 * 128
    assert {read[2:] for read in reads} == {(128, 128)}
    assert sorted((x // 500, y // 200) for x, y, _, _ in reads) == [(x, y) for x in range(8) for y in range(8)]
    assert max(x % 500 for x, _, _, _ in reads) <= 500 - 128
    assert len({x % 500 for x, _, _, _ in reads}) > 30


def test_vectors_are_estimated_once_and_follow_from_region_and_seed() -> None:
    reads: list[tuple[int, int, int, int]] = []
    first, second = counted(region("a", stained(1500, 1100)), reads), region("b", stained(300, 200, seed=1))
    stains = RegionStains("vahadane", seed=3)
    found = stains(first)
    stains(second)
    assert stains(first) is found
    assert len(reads) == 64
    expected = estimate_stains(sampled_pixels(first, 3), "vahadane", 3)
    assert found.method == "vahadane"
    again = RegionStains("vahadane", seed=3)
    again(second)
    assert again(first).vectors.tobytes() == found.vectors.tobytes() == expected.vectors.tobytes()
    assert RegionStains("vahadane", seed=4)(first).vectors.tobytes() != found.vectors.tobytes()


def test_settings_are_those_of_the_estimation() -> None:
    one, settings = region("a", stained(200, 150)), StainEstimation(sparsity=0.03)
    given, left = RegionStains("vahadane", 3, settings)(one), RegionStains("vahadane", 3)(one)
    expected = estimate_stains(sampled_pixels(one, 3), "vahadane", 3, settings)
    assert given.vectors.tobytes() == expected.vectors.tobytes() != left.vectors.tobytes()


@pytest.mark.parametrize(
    "words",
    [["vm_unet_small"], ["rtmdet_small"], ["mitdet_small"], ["multitask_small"], ["restain_small", "domain=drawn"]],
    ids=lambda words: words[0],
)
def test_every_system_estimates_as_its_recipe_says(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    whole = RegionStains.__init__

    def noted(self: RegionStains, model: StainModel, seed: int, settings: StainEstimation = USUAL) -> None:
        given.append(settings)
        whole(self, model, seed, settings)

    monkeypatch.setattr(RegionStains, "__init__", noted)
    changes = ["augment.stain_estimation.sparsity=0.03", "augment.stain_estimation.rounds=7"]
    recipe = load_recipe(words[0], [*changes, "folds_by=slide", *words[1:]])
    data = typed_data() if recipe.system == "classification" else drawn_data()
    build_system(recipe, split_fold(data, recipe, 0), torch.device("cpu"))
    assert given
    assert set(given) == {StainEstimation(sparsity=0.03, rounds=7)}


def test_the_constants_need_no_pixels() -> None:
    reads: list[tuple[int, int, int, int]] = []
    assert RegionStains("ruifrok", 0)(counted(region("a", stained(64, 64)), reads)) is RUIFROK
    assert reads == []


def test_a_region_without_two_stains_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    stains = RegionStains("vahadane", 0)
    glass = region("empty.tiff", plain(200, 200, GLASS))
    with caplog.at_level(logging.WARNING):
        assert [stains(glass).method for _ in range(3)] == ["ruifrok"] * 3
        stains(region("full.tiff", stained(200, 200)))
    assert [record.getMessage() for record in caplog.records] == [
        "empty.tiff: no two stains found by vahadane; ruifrok's taken."
    ]


def test_a_window_carries_its_regions_stains() -> None:
    regions = [region(name, stained(200, 160, seed)) for seed, name in enumerate("ab")]
    stains = RegionStains("macenko", 0)
    sampler = TileSampler([regions], Size.square(32), 12.0, SamplingSettings(), stains)
    windows = sampler.batch(np.random.default_rng(0), 20, Size.square(40))
    assert {window.stains for window in windows} == {stains(one) for one in regions}
    colours = {stains(one): set(map(tuple, one.read(0, 0, 200, 160).reshape(-1, 3))) for one in regions}
    for window in windows:
        held = set(map(tuple, window.pixels.reshape(-1, 3)))
        assert [held <= known for owner, known in colours.items() if owner is window.stains] == [True]
        assert [held <= known for owner, known in colours.items() if owner is not window.stains] == [False]
    plain_windows = TileSampler([regions], Size.square(32), 12.0, SamplingSettings()).batch(
        np.random.default_rng(0), 4, Size.square(40)
    )
    assert {window.stains for window in plain_windows} == {RUIFROK}

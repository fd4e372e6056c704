"""Regions brought to the stains of one template."""

import numpy as np
import pytest
import torch

from algorithm.stain import concentrations, optical_density
from tests.arrays import GLASS
from tests.training.drawing import drawn_data, tiny_recipe
from tests.training.staining import stained
from training.data.regions import Pixels, Region, in_memory
from training.data.sampling import TileSampler
from training.data.split import split_fold
from training.data.stain_template import as_template, split_as_template
from training.data.staining import PERCENTILE, TEMPLATE, restained, staining_of
from training.recipe import DetectionRecipe
from training.systems.build import build_system
from training.systems.segmentation import Segmentation


def region(pixels: Pixels) -> Region:
    return in_memory("a", "a", "drawn", pixels, 0.25, np.empty((0, 2)))


def read(of: Region) -> Pixels:
    return of.read(0, 0, of.width, of.height)


@pytest.mark.parametrize("model", ["macenko", "vahadane"])
def test_the_same_tissue_looks_the_same_however_strongly_and_in_whatever_colours_it_is_stained(model: str) -> None:
    other = np.array([[0.65, 0.70, 0.29], [0.10, 0.95, 0.30]])
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    first, second = stained((1.0, 1.0)), stained((0.7, 1.2), other)
    before = np.abs(first.astype(int) - second).mean()
    after = np.abs(read(as_template(region(first), model, 0)).astype(int) - read(as_template(region(second), model, 0)))
    assert before > 10
    assert after.mean() < before / 3


def test_the_strength_is_the_templates() -> None:
    pixels = stained((0.8, 0.6))
    found = restained(pixels, staining_of(pixels, "macenko"), TEMPLATE)
    tissue = found[(pixels < 200).any(axis=2)]
    amounts = concentrations(optical_density(tissue), TEMPLATE.stains.vectors)
    np.testing.assert_allclose(np.percentile(amounts, PERCENTILE, axis=0), TEMPLATE.amounts, rtol=0.1)


def test_white_stays_white_and_glass_alone_is_hardly_changed() -> None:
    white = np.full((64, 64, 3), 255, np.uint8)
    assert (read(as_template(region(white), "macenko", 0)) == 255).all()
    glass = np.full((64, 64, 3), GLASS, np.uint8)
    assert np.abs(read(as_template(region(glass), "macenko", 0)).astype(int) - glass).max() < 12


def test_a_window_is_a_part_of_the_whole() -> None:
    found = as_template(region(stained((1.0, 1.0))), "macenko", 0)
    np.testing.assert_array_equal(found.read(10, 20, 30, 40), read(found)[20:60, 10:40])


def test_nothing_is_read_before_it_is_asked_for_and_without_a_method_nothing_changes() -> None:
    def refuse(*_: int) -> Pixels:
        raise AssertionError

    lazy = Region(**{**vars(region(stained((1.0, 1.0)))), "read": refuse})
    assert as_template(lazy, "vahadane", 0).width == 120
    assert as_template(lazy, None, 0) is lazy


def test_all_parts_of_a_split_are_changed_as_the_recipe_says() -> None:
    plain, normalised = tiny_recipe(folds_by="slide"), tiny_recipe(stain_normalisation="macenko")
    assert isinstance(plain, DetectionRecipe)
    assert isinstance(normalised, DetectionRecipe)
    split = split_fold(drawn_data(), plain, 0)
    same, other = split_as_template(split, plain), split_as_template(split, normalised)
    for part in ("training", "validation"):
        for regions in zip(*(getattr(each, part) for each in (split, same, other)), strict=True):
            for before, kept, after in zip(*regions, strict=True):
                assert kept is before
                assert not np.array_equal(read(before), read(after))


def shown(sampler: TileSampler) -> Region:
    """The region of the first figure whose turn it is."""
    region, _ = sampler.figures.corner(np.random.default_rng(0), 0, sampler.tile_px, sampler.tile_px)
    return region


def test_a_system_sees_nothing_else() -> None:
    """What it trains on, what it validates with and what it is tested on."""
    recipe = tiny_recipe(stain_normalisation="macenko")
    split = split_fold(drawn_data(), recipe, 0)
    system = build_system(recipe, split, torch.device("cpu"))
    assert isinstance(system, Segmentation)
    for found, part in (
        (system.validation_regions[0], split.validation),
        (shown(system.sampler), split.training),
        (shown(system.validation_sampler), split.validation),
    ):
        (before,) = (region for regions in part for region in regions if region.name == found.name)
        np.testing.assert_array_equal(read(found), read(as_template(before, "macenko", recipe.seed)))

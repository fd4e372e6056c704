"""What decides how masks are made: the defaults, and overrides of them."""

from pathlib import Path

import pytest

from algorithm.errors import AlgorithmError
from training.mask_settings import MaskSettings
from training.masks.settings import mask_settings


def test_the_defaults_are_those_in_px_of_the_sources() -> None:
    """At 0.25 um/px: NuClick's code for parts, holes and the threshold; 64 px and a disk of 12 px."""
    settings = MaskSettings()
    areas = (settings.smallest_part_um2, settings.smallest_hole_um2)
    limits = (settings.smallest_mask_um2, settings.largest_mask_um2)
    assert [area / 0.25**2 for area in (*areas, *limits)] == [10, 30, 30, 2500]
    assert [length / 0.25 for length in (settings.disk_radius_um, settings.window_um)] == [12, 64]
    assert (settings.nuclick_threshold, settings.blur_um, settings.opening_um, settings.reach_um) == (
        0.5,
        0.25,
        0.5,
        0.75,
    )


def test_overrides_change_what_they_name_alone() -> None:
    assert mask_settings(None, [], nuclick=False) == mask_settings(None, [], nuclick=True) == MaskSettings()
    changed = mask_settings(None, ["blur_um=0", "largest_mask_um2=90.5"], nuclick=False)
    assert changed == MaskSettings(blur_um=0, largest_mask_um2=90.5)


def test_a_recipes_are_changed_as_the_usual_ones_are(tmp_path: Path) -> None:
    """Where a recipe has settings of both ways, it is no error that one of them is of no effect."""
    mine = tmp_path / "mine.yaml"
    mine.write_text("base: vm_unet\nmasks: {blur_um: 0.5, disk_radius_um: 2, nuclick_threshold: 0.33}\n")
    found = mask_settings(str(mine), ["blur_um=0"], nuclick=False)
    assert found == MaskSettings(blur_um=0, disk_radius_um=2, nuclick_threshold=0.33)
    assert mask_settings("vm_unet", [], nuclick=True) == MaskSettings()


def test_a_recipe_that_learns_from_no_masks_is_refused() -> None:
    with pytest.raises(AlgorithmError, match="rtmdet_s learns nothing from masks"):
        mask_settings("rtmdet_s", [], nuclick=False)


def test_each_way_has_its_own_settings_and_the_common_ones() -> None:
    ways = [MaskSettings().of_way(nuclick) for nuclick in (False, True)]
    assert ways[0].keys() ^ ways[1].keys() == {"nuclick_threshold", "window_um", "blur_um", "opening_um", "reach_um"}
    assert {**ways[0], **ways[1]} == MaskSettings().model_dump()


def test_a_setting_of_the_other_way_is_refused() -> None:
    """It would be of no effect."""
    with pytest.raises(AlgorithmError, match="reach_um is no setting of NuClick's masks"):
        mask_settings(None, ["reach_um=0.75"], nuclick=True)
    with pytest.raises(AlgorithmError, match=r"nuclick_threshold is a setting of NuClick's masks\. Give --weights"):
        mask_settings(None, ["nuclick_threshold=0.33"], nuclick=False)
    assert mask_settings(None, ["nuclick_threshold=0.33"], nuclick=True).nuclick_threshold == 0.33


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("blurr_um=0", "unknown key 'blurr_um'; the nearest valid key is 'blur_um'"),
        ("threshold=0.3", "unknown key 'threshold'; the nearest valid key is 'nuclick_threshold'"),
        ("nuclick_threshold=0", "nuclick_threshold: should be greater than 0"),
        ("nuclick_threshold=1", "nuclick_threshold: should be less than 1"),
        ("smallest_part_um2=-1", "smallest_part_um2: should be greater than or equal to 0"),
        ("smallest_mask_um2=0", "smallest_mask_um2: should be greater than 0"),
        ("smallest_mask_um2=200", "smallest_mask_um2 should be at most largest_mask_um2"),
        ("disk_radius_um=0", "disk_radius_um: should be greater than 0"),
        ("window_um=1", "window_um: should be greater than or equal to 4"),
        ("opening_um=11", "opening_um: should be less than or equal to 10"),
        ("reach_um=.nan", "reach_um: should be a finite number"),
        ("blur_um=much", "blur_um: should be a valid number"),
        ("blur_um", "blur_um is no override"),
    ],
)
def test_a_wrong_override_is_named(override: str, named: str) -> None:
    with pytest.raises(AlgorithmError) as raised:
        mask_settings(None, [override], nuclick="nuclick" in override)
    assert named in str(raised.value)
    assert "\n" not in str(raised.value)

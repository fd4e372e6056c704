"""`make-masks`, with and without a network, and runs that are trained with what it writes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from algorithm.size import Size
from tests.training.drawing import drawn_data, tiny_recipe, tiny_tree, write_midogpp
from tests.training.nuclick import dark_pixels_checkpoint
from training.__main__ import main
from training.bundles.detection import member
from training.checkpoints import BEST, LAST, load_checkpoint, save_checkpoint
from training.data.read import read_data
from training.data.split import split_fold
from training.mask_settings import MaskSettings
from training.masks.files import read_masks
from training.masks.use import with_masks
from training.trainer import Trainer

FIGURES = [(20, 24), (70, 52)]
FIGURE_PX = 113
"""Of a disk of 6 px."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    images = [
        {"name": f"{n:03}.tiff", "width": 160, "height": 140, "figures": FIGURES, "look_alikes": [(100, 100)]}
        for n in range(1, 5)
    ]
    return write_midogpp(tmp_path / "drawn", images)


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tiny_tree(optimiser={"batch_size": 4, "epochs": 1, "batches_per_epoch": 2})))
    return str(path)


def test_without_weights_haematoxylin_is_taken(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["make-masks", str(data), "--output", str(tmp_path / "masks")]) == 0
    said = capsys.readouterr()
    assert "drawn: 8 masks, 0 by NuClick, 8 by threshold, 0 disks instead; median " in said.out
    assert said.err == ""
    found = read_masks(tmp_path / "masks" / "drawn.npz")
    assert (found.data_set, [region.name for region in found.regions]) == (
        "drawn",
        [f"{n:03}.tiff" for n in range(1, 5)],
    )
    for region in found.regions:
        np.testing.assert_array_equal(region.figures, FIGURES)
        assert all(abs(mask.area_px - FIGURE_PX) < 15 for mask in region.masks)
    document = json.loads((tmp_path / "masks" / "summary.json").read_text())
    assert (document["resolution_um_px"], document["weights"]) == (0.25, None)
    assert document["settings"] == found.settings == MaskSettings().of_way(nuclick=False)


@pytest.mark.parametrize("before", [True, False])
def test_settings_are_changed_before_and_after_the_options(data: Path, tmp_path: Path, before: bool) -> None:
    """Nothing is as small as the masks may be at most, so all are disks, of another radius too."""
    overrides = ["smallest_mask_um2=0.1", "largest_mask_um2=0.2", "disk_radius_um=1"]
    options = ["--output", str(tmp_path / "masks")]
    words = [*overrides, *options] if before else [*options, *overrides]
    assert main(["make-masks", str(data), *words]) == 0
    found = read_masks(tmp_path / "masks" / "drawn.npz").masks
    assert {(mask.way, mask.area_px) for mask in found} == {("disk", 49)}
    changed = {"smallest_mask_um2": 0.1, "largest_mask_um2": 0.2, "disk_radius_um": 1.0}
    settings = json.loads((tmp_path / "masks" / "summary.json").read_text())["settings"]
    assert settings == {**MaskSettings().of_way(nuclick=False), **changed}


def test_settings_reach_nuclick(tmp_path: Path) -> None:
    """No pixel is dark enough where its probability has to be above 0.99."""
    images = [{"name": "001.tiff", "width": 160, "height": 140, "figures": FIGURES}]
    data = write_midogpp(tmp_path / "drawn", images)
    torch.save({"state_dict": dark_pixels_checkpoint()}, tmp_path / "nuclick.pth")
    words = ["make-masks", str(data), "--weights", str(tmp_path / "nuclick.pth"), "nuclick_threshold=0.99"]
    assert main([*words, "--output", str(tmp_path / "masks")]) == 0
    assert [mask.way for mask in read_masks(tmp_path / "masks" / "drawn.npz").masks] == ["disk", "disk"]


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("blur=0", "unknown key 'blur'; the nearest valid key is 'blur_um'. Correct that key."),
        ("blur_um=-1", "blur_um: should be greater than or equal to 0. Correct that key."),
    ],
)
def test_a_wrong_setting_is_one_line(
    data: Path, tmp_path: Path, override: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["make-masks", str(data), override, "--output", str(tmp_path / "masks")]) == 1
    error = capsys.readouterr().err
    assert named in error
    assert error.count("\n") == 1
    assert not (tmp_path / "masks").exists()


def test_a_data_sets_name_may_hold_an_equals_sign(data: Path, tmp_path: Path) -> None:
    folder = data.rename(tmp_path / "slides=4")
    assert main(["make-masks", str(folder), "blur_um=0", "--output", str(tmp_path / "masks")]) == 0
    assert (tmp_path / "masks" / "slides=4.npz").exists()


def test_settings_without_data_are_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["make-masks", "blur_um=0", "--output", str(tmp_path / "masks")]) == 2
    assert "No data set is given." in capsys.readouterr().err


def test_with_weights_nuclick_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Weights of the full size that find dark pixels; the paler look-alike is dark enough too, and not clicked on."""
    images = [{"name": "001.tiff", "width": 160, "height": 140, "figures": FIGURES, "look_alikes": [(100, 100)]}]
    data = write_midogpp(tmp_path / "drawn", images)
    torch.save({"state_dict": dark_pixels_checkpoint()}, tmp_path / "nuclick.pth")
    words = ["make-masks", str(data), "--weights", str(tmp_path / "nuclick.pth"), "--output", str(tmp_path / "masks")]
    assert main(words) == 0
    assert "drawn: 2 masks, 2 by NuClick, 0 by threshold, 0 disks instead; median 7.06 um2" in capsys.readouterr().out
    (region,) = read_masks(tmp_path / "masks" / "drawn.npz").regions
    assert [(mask.way, mask.area_px, mask.x, mask.y) for mask in region.masks] == [
        ("nuclick", FIGURE_PX, 14, 18),
        ("nuclick", FIGURE_PX, 64, 46),
    ]
    weights = json.loads((tmp_path / "masks" / "summary.json").read_text())["weights"]
    assert (weights["file"], len(weights["sha256"])) == ("nuclick.pth", 64)


def test_another_resolution(data: Path, tmp_path: Path) -> None:
    words = ["make-masks", str(data), "--resolution-um-px", "0.5", "--output", str(tmp_path / "masks")]
    assert main(words) == 0
    (first, *_) = read_masks(tmp_path / "masks" / "drawn.npz").regions
    assert (first.width, first.height, first.spacing_um) == (80, 70, 0.5)
    assert all(abs(mask.area_px - FIGURE_PX / 4) < 8 for mask in first.masks)


@pytest.fixture
def masks(data: Path, recipe: str, tmp_path: Path) -> Path:
    assert main(["make-masks", str(data), "--recipe", recipe, "--output", str(tmp_path / "masks")]) == 0
    return tmp_path / "masks" / "drawn.npz"


def test_a_run_is_trained_with_masks_and_remembers_them(
    data: Path, recipe: str, masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It goes on with the same alone, whatever the file is called."""
    words = ["fit", recipe, "--data", str(data), "--output", str(tmp_path / "run")]
    assert main([*words, "--masks", str(masks)]) == 0
    assert "drawn.npz: the masks of drawn" in capsys.readouterr().out
    (record,) = load_checkpoint(tmp_path / "run" / BEST)["masks"]
    assert (record["data_set"], record["file"], len(record["sha256"])) == ("drawn", "drawn.npz", 64)
    again = masks.rename(tmp_path / "renamed.npz")
    assert main([*words, "--resume", "--masks", str(again)]) == 0
    assert main([*words, "--resume"]) == 1
    assert "was started with other masks. Give the same --masks" in capsys.readouterr().err


def test_a_recipes_settings_make_masks_that_it_takes(
    data: Path, recipe: str, masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And no others, which would be another way than it says."""
    mine = tmp_path / "mine.yaml"
    tree = yaml.safe_load(Path(recipe).read_text())
    mine.write_text(yaml.safe_dump({**tree, "masks": {**tree["masks"], "reach_um": 0}}))
    assert main(["make-masks", str(data), "--recipe", str(mine), "--output", str(tmp_path / "own")]) == 0
    words = ["fit", str(mine), "--data", str(data), "--output", str(tmp_path / "run")]
    assert main([*words, "--masks", str(tmp_path / "own" / "drawn.npz")]) == 0
    assert main([*words, "--resume", "--masks", str(masks)]) == 1
    assert "were made with reach_um=0.75, the recipe's masks.reach_um is not that" in capsys.readouterr().err


def test_a_run_without_masks_has_disks_and_goes_on_with_them(
    data: Path, recipe: str, masks: Path, tmp_path: Path
) -> None:
    words = ["fit", recipe, "--data", str(data), "--output", str(tmp_path / "run")]
    assert main(words) == 0
    assert load_checkpoint(tmp_path / "run" / LAST)["masks"] == []
    assert main([*words, "--resume", "--masks", str(masks)]) == 1


def test_runs_from_before_there_were_masks_are_read(runs: list[Path], tmp_path: Path) -> None:
    checkpoint = load_checkpoint(runs[0] / LAST)
    del checkpoint["masks"]
    save_checkpoint(tmp_path / LAST, checkpoint)
    own = tiny_recipe()
    trainer = Trainer(own, split_fold(drawn_data(), own, 0))
    trainer.restore(load_checkpoint(tmp_path / LAST))
    assert trainer.state()["masks"] == []


def test_a_member_says_which_masks_it_was_trained_with(runs: list[Path], tmp_path: Path) -> None:
    checkpoint = load_checkpoint(runs[0] / BEST)
    (tmp_path / "member.onnx").write_bytes(b"graph")
    checkpoint["masks"] = [{"data_set": "MIDOGpp", "file": "m.npz", "sha256": "0"}]
    assert member(tmp_path / "member.onnx", checkpoint).note == "masks of MIDOGpp from m.npz"
    checkpoint["weights"] = {"file": "w", "sha256": "0", "tensors": 1, "of": 2}
    assert (
        member(tmp_path / "member.onnx", checkpoint).note == "started from 1 tensors of w; masks of MIDOGpp from m.npz"
    )


def test_the_tiles_of_a_run_have_the_masks(data: Path, masks: Path) -> None:
    """A trainer draws other masks than disks, in training and in validation."""
    own = tiny_recipe(masks={"disk_radius_um": 0.5})
    plain = read_data([data], [], 0.25)
    areas = []
    for given in (plain, with_masks(plain, [data], [masks], tiny_recipe().masks)):
        system = Trainer(own, split_fold(given, own, 0)).system
        for sampler in (system.sampler, system.validation_sampler):
            windows = sampler.batch(np.random.default_rng(0), 8, Size.square(64))
            areas.append(max(int(window.mask.sum()) for window in windows if window.positive))
    assert max(areas[:2]) <= 2 * 13
    assert min(areas[2:]) > 90


def test_masks_of_other_data_are_one_line(
    recipe: str, masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_midogpp(tmp_path / "other", [{"name": "001.tiff", "figures": FIGURES}])
    words = ["fit", recipe, "--data", str(other), "--output", str(tmp_path / "run"), "--masks", str(masks)]
    assert main(words) == 1
    error = capsys.readouterr().err
    assert "No file of masks is of other, but of drawn." in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_network_that_finds_boxes_has_no_use_for_them(
    data: Path, masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["fit", "rtmdet_small", "--data", str(data), "--masks", str(masks), "--output", str(tmp_path / "run")]
    assert main([*words, "--fold", "0"]) == 1
    assert "rtmdet_small learns nothing from masks. Leave them out, or take another recipe." in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_two_data_sets_of_one_name_are_wrong_usage(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_midogpp(tmp_path / "deeper" / "drawn", [{"name": "001.tiff", "figures": FIGURES}])
    assert main(["make-masks", str(data), str(other), "--output", str(tmp_path / "masks")]) == 2
    assert "Two data sets have the same name" in capsys.readouterr().err
    assert not (tmp_path / "masks").exists()


def test_a_place_that_is_taken_is_refused_before_any_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["make-masks", "nowhere", "--output", str(tmp_path)]) == 1
    assert "is there already" in capsys.readouterr().err

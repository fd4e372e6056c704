"""Typed mitotic figures, in every layout that they are published in."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from algorithm.errors import InputError
from tests.synthetic.tiff import write_region
from tests.training.drawing import drawn_pixels, tiny_classifier_recipe
from training.data import ami_br, midog25
from training.data.ami_br import TABLE, TRAINING_SPLIT, patch_path, read_ami_br_patches
from training.data.class_folders import read_class_folders
from training.data.midog25 import read_midog25
from training.data.read import read_cases
from training.data.split import split_fold
from training.data.typed import read_typed

# slide, data set, number, atypical to the majority and to each expert
AMI_BR = [
    ("002.tiff", "MIDOG21", 1, False, False, False, False),
    ("002.tiff", "MIDOG21", 2, True, True, False, True),
    ("61.tif", "TUPAC16", 3, True, True, True, True),
    ("120.tiff", "MIDOG21", 4, False, True, False, False),
]
COLUMNS = ("image_id", "filename", "coordinateX", "coordinateY", "Tumor", "Scanner", "Origin", "Species")
EXPERTS = ("expert1", "expert2", "expert3", "majority")
MIDOG25 = [
    ("1.png", "002.tiff", 60, 50, "human breast cancer", "Hamammatsu XR", "UMC", "human", "AMF", "NMF", "AMF", "AMF"),
    ("2.png", "002.tiff", 5, 40, "human breast cancer", "Hamamatsu XR", "UMC", "human", "NMF", "NMF", "AMF", "NMF"),
    ("3.png", "300.tiff", 30, 30, "canine lymphoma", "3DHistech", "VMU", "canine", "NMF", "NMF", "NMF", "NMF"),
]


def write_picture(path: Path, seed: int = 0, side: int = 128) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(drawn_pixels(side, side, [(side / 2, side / 2)], [], seed)).save(path)


def write_ami_br(folder: Path) -> Path:
    table = pd.DataFrame(AMI_BR, columns=["slide", "dataset", "uid", "majority_atypical", *ami_br.EXPERTS])
    table = table.assign(x=500, y=500)
    folder.mkdir()
    table.to_csv(folder / TABLE)
    table[table.slide != "120.tiff"].to_csv(folder / TRAINING_SPLIT)
    for slide, data_set, number, atypical, *_ in AMI_BR:
        write_picture(patch_path(folder, data_set, number, atypical), seed=number + len(slide))
    return folder


def write_midog25(folder: Path, rows: list[tuple[object, ...]] = MIDOG25) -> Path:
    folder.mkdir(exist_ok=True)
    with (folder / midog25.TABLE).open("w", newline="") as file:
        csv.writer(file).writerows([(*COLUMNS, *EXPERTS), *rows])
    return folder


def test_a_patch_of_ami_br_has_its_figure_in_the_middle(tmp_path: Path) -> None:
    found = read_ami_br_patches(write_ami_br(tmp_path / "AMi-Br"))
    assert [(r.name, r.slide, r.domain, r.scanner, r.atypical.tolist()) for r in found] == [
        ("MIDOG21_1", "002", "Hamamatsu XR", "Hamamatsu XR", [False]),
        ("MIDOG21_2", "002", "Hamamatsu XR", "Hamamatsu XR", [True]),
        ("TUPAC16_3", "61", "TUPAC16", "", [True]),
    ]
    assert [region.votes.tolist() for region in found] == [[0], [2 / 3], [1]]
    for region in found:
        assert (region.width, region.height, region.figures.tolist()) == (128, 128, [[64, 64]])
        assert region.read(64, 64, 1, 1)[0, 0, 0] < 80
        assert region.read(32, 32, 1, 1)[0, 0, 0] > 80
    assert [r.name for r in read_ami_br_patches(tmp_path / "AMi-Br", "test")] == ["MIDOG21_4"]


def test_what_is_external_to_midogpp_is_without_midog21(tmp_path: Path) -> None:
    found = read_ami_br_patches(write_ami_br(tmp_path / "AMi-Br"), external=True)
    assert [region.name for region in found] == ["TUPAC16_3"]


def test_the_published_patches(shared_data: Path) -> None:
    """README of the data: 2,894 patches of 146 slides for training, 648 atypical; 826 of 56 for testing, 184."""
    for split, counts in (("train", (146, 2894, 648)), ("test", (56, 826, 184))):
        found = read_ami_br_patches(shared_data / "AMi-Br", split)
        atypical = sum(int(region.atypical.sum()) for region in found)
        assert (len({r.slide + r.domain for r in found}), len(found), atypical) == counts
        assert {(r.width, r.height) for r in found} == {(128, 128)}
    assert len({region.slide for region in read_ami_br_patches(shared_data / "AMi-Br")}) == 146


def test_midog25s_patches(tmp_path: Path) -> None:
    folder = write_midog25(tmp_path / "MIDOG25")
    for number, (name, *_) in enumerate(MIDOG25[:2]):
        write_picture(folder / midog25.PATCHES / name, seed=number)
    found = read_midog25(folder)
    assert found.missing == 1
    assert [(r.name, r.slide, r.domain, r.scanner, r.atypical.tolist()) for r in found.regions] == [
        ("1.png", "002", "human breast cancer", "Hamamatsu XR", [True]),
        ("2.png", "002", "human breast cancer", "Hamamatsu XR", [False]),
    ]
    assert [region.votes.tolist() for region in found.regions] == [[2 / 3], [1 / 3]]
    assert found.regions[0].figures.tolist() == [[64, 64]]


def test_experts_who_named_no_type_do_not_vote(tmp_path: Path) -> None:
    rows = [
        (*row[:8], *votes, row[-1]) for row, votes in zip(MIDOG25, (("AMF", "", "AMF"), ("", "", "")), strict=False)
    ]
    folder = write_midog25(tmp_path / "MIDOG25", rows)
    for name, *_ in rows:
        write_picture(folder / midog25.PATCHES / str(name))
    assert [region.votes.tolist() for region in read_midog25(folder).regions] == [[1], [0]]


def test_midog25_without_patches_is_cut_out_of_midogpps_images(tmp_path: Path) -> None:
    folder = write_midog25(tmp_path / "MIDOG25")
    (folder / "images").mkdir()
    pixels = drawn_pixels(400, 90, [(60, 50), (5, 40)], [])
    write_region(folder / "images" / "002.tiff", pixels, 0.25)
    first, second = read_midog25(folder).regions
    assert (first.width, first.height) == (156, 90)
    for region, (x, y) in ((first, (60, 50)), (second, (5, 40))):
        assert region.figures.tolist() == [[x, y]]  # both begin at the image's corner
        np.testing.assert_array_equal(region.read(0, 0, 80, 90), pixels[:, :80])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"majority": "mitosis"}, "line 2 calls a figure mitosis, neither AMF nor NMF"),
        ({"coordinateX": 900}, r"has no pixel at \(900, 50\)"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    row = dict(zip((*COLUMNS, *EXPERTS), MIDOG25[0], strict=True)) | change
    folder = write_midog25(tmp_path / "MIDOG25", [tuple(row.values())])
    (folder / "images").mkdir()
    write_region(folder / "images" / "002.tiff", drawn_pixels(400, 90, [], []), 0.25)
    with pytest.raises(InputError, match=problem):
        read_midog25(folder)


def test_folders_of_classes(tmp_path: Path) -> None:
    for name, side in (("AMF/a_1.png", 64), ("AMF/a_2.png", 64), ("nmf/b_x_1.png", 80), ("nmf/alone.png", 64)):
        write_picture(tmp_path / "mine" / name, side=side)
    (tmp_path / "mine" / "AMF" / "notes.txt").write_text("not a picture")
    found = read_class_folders(tmp_path / "mine")
    assert [(r.name, r.slide, r.domain, r.atypical.tolist(), r.figures.tolist()) for r in found] == [
        ("AMF/a_1.png", "a", "mine", [True], [[32, 32]]),
        ("AMF/a_2.png", "a", "mine", [True], [[32, 32]]),
        ("nmf/alone.png", "alone", "mine", [False], [[32, 32]]),
        ("nmf/b_x_1.png", "b_x", "mine", [False], [[40, 40]]),
    ]


def test_layouts_are_told_apart_and_midog21_is_read_once(tmp_path: Path) -> None:
    folders = [write_ami_br(tmp_path / "AMi-Br"), write_midog25(tmp_path / "MIDOG25"), tmp_path / "mine"]
    for name in ("1.png", "2.png", "3.png"):
        write_picture(folders[1] / midog25.PATCHES / name)
    for name in ("normal", "atypical"):
        write_picture(folders[2] / name / "s_1.png")
    alone, together = read_typed(folders[:1], 0.25), read_typed(folders, 0.25)
    assert [len(regions) for regions in alone.annotated] == [3]
    assert [len(regions) for regions in together.annotated] == [1, 3, 2]
    assert together.summary == [
        "AMi-Br: AMi-Br, training part, without MIDOG21, 1 slides, 1 mitotic figures, 1 of them atypical",
        "MIDOG25: MIDOG 2025 atypical set (0 figures without an image left out), 2 slides, 3 mitotic figures, 1 of "
        "them atypical",
        "mine: folders of classes, 1 slides, 2 mitotic figures, 1 of them atypical",
    ]
    assert len(together.cases) == 6


def test_other_resolutions(tmp_path: Path) -> None:
    (regions,) = read_typed([write_ami_br(tmp_path / "AMi-Br")], 0.5).annotated
    assert {(r.width, r.height, r.spacing_um) for r in regions} == {(64, 64, 0.5)}
    assert regions[0].figures.tolist() == [[31.75, 31.75]]
    assert regions[1].atypical.tolist() == [True]


def test_a_folder_without_types_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no typed mitotic figures"):
        read_typed([tmp_path], 0.25)


def test_the_table_of_midog25_has_its_cases_without_images(tmp_path: Path) -> None:
    cases, (line,) = read_cases([write_midog25(tmp_path / "MIDOG25")])
    assert [(case.slide, case.domain, case.scanner, case.figures) for case in cases] == [
        ("002", "human breast cancer", "Hamamatsu XR", 2),
        ("300", "canine lymphosarcoma", "3DHistech", 1),
    ]
    assert line == "MIDOG25: MIDOG 2025 atypical set, 2 cases, 3 mitotic figures, 0 hard negatives"


@pytest.mark.parametrize(("by", "folds"), [("slide", range(5)), ("domain", range(4))])
def test_no_slide_is_on_two_sides(shared_data: Path, by: str, folds: range) -> None:
    """Of the published patches: training, what chooses the epoch, and what is tested share no slide."""
    recipe = tiny_classifier_recipe(folds=5, folds_by=by, validate_on="domain")
    data = read_typed([shared_data / "AMi-Br"], 0.25)
    tested = []
    for fold in folds:
        split = split_fold(data, recipe, fold)
        parts = [split.training, split.validation, split.tested]
        slides = [{region.slide for regions in part for region in regions} for part in parts]
        assert (
            slides[0] and slides[1] and slides[2].isdisjoint(slides[0] | slides[1]) and slides[0].isdisjoint(slides[1])
        )
        assert sum(len(regions) for part in parts for regions in part) == 2894
        tested += sorted(slides[1] if by == "slide" else slides[2])
    assert len(tested) == len(set(tested)) == 146

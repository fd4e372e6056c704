"""AMIDA13's tables of figures, beside the images or in a folder of their own."""

from pathlib import Path

import numpy as np
import pytest

from algorithm.errors import InputError
from tests.synthetic.tiff import write_region
from tests.training.drawing import drawn_pixels
from tests.training.published import write_amida13, write_tupac16
from training.data.amida13 import AMIDA13
from training.data.read import read_data
from training.data.tupac16 import TUPAC16

# x, then y; a table has them the other way round
FIGURES = [(100.0, 30.0), (40.0, 70.0)]
IMAGES = {"01/01": FIGURES, "01/02": [], "13/06": FIGURES[:1]}


@pytest.fixture(params=[".", "ground truth", "ground_truth"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_amida13(tmp_path / "AMIDA13", IMAGES, request.param)


def test_a_row_comes_before_a_column(tmp_path: Path) -> None:
    folder = write_amida13(tmp_path / "AMIDA13", IMAGES)
    assert (folder / "01" / "01.csv").read_text() == "30,100\n70,40\n"
    region = AMIDA13.read(folder).regions[0]
    np.testing.assert_array_equal(region.figures, FIGURES)
    for x, y in FIGURES:
        assert region.read(int(x) - 3, int(y) - 3, 7, 7)[..., 0].max() < 80


def test_tables_lie_beside_the_images_or_apart(folder: Path) -> None:
    found = AMIDA13.read(folder)
    assert [(r.name, r.slide, len(r.figures), len(r.hard_negatives)) for r in found.regions] == [
        ("01/01.tif", "01_stitched1", 2, 0),
        ("01/02.tif", "01_stitched1", 0, 0),
        ("13/06.tif", "13_stitched1", 1, 0),
    ]
    assert {(r.domain, r.scanner, r.spacing_um) for r in found.regions} == {("AMIDA13", "Aperio ScanScope XT", 0.25)}
    assert (found.missing_images, found.outside) == (0, 0)


def test_a_case_without_tables_is_not_annotated(folder: Path) -> None:
    (folder / "14").mkdir()
    (folder / "01" / "01.tif").rename(folder / "14" / "01.tif")
    found = AMIDA13.read(folder)
    assert [region.name for region in found.regions] == ["01/02.tif", "13/06.tif"]
    assert ([case.name for case in found.cases], found.missing_images) == (["01/01.tif", "01/02.tif", "13/06.tif"], 1)


def test_a_case_of_no_figure_may_have_an_empty_folder_of_tables(tmp_path: Path) -> None:
    folder = write_amida13(tmp_path / "AMIDA13", {"02/01": [], "01/01": FIGURES}, "ground truth")
    assert [case.name for case in AMIDA13.cases(folder)] == ["01/01.tif", "02/01.tif"]


def test_an_images_own_spacing_counts(folder: Path) -> None:
    write_region(folder / "13" / "06.tif", drawn_pixels(128, 96, [], []), spacing_um=0.23)
    assert [region.spacing_um for region in AMIDA13.read(folder).regions] == [0.25, 0.25, 0.23]


def test_the_slides_are_tupac16s(folder: Path, tmp_path: Path) -> None:
    """So that a slide of both is in one fold, and a run that trained on it can be told."""
    tupac16 = write_tupac16(tmp_path / "TUPAC16", {name: (points, []) for name, points in IMAGES.items()})
    slides = {case.slide for case in AMIDA13.cases(folder)}
    assert slides == {case.slide for case in TUPAC16.cases(tupac16)}


def test_more_cases_than_it_has_are_refused(tmp_path: Path) -> None:
    folder = write_amida13(tmp_path / "other", {"01/01": FIGURES, "24/01": FIGURES})
    with pytest.raises(InputError, match="tables of case 24, and AMIDA13 has 01 to 23"):
        AMIDA13.cases(folder)


def test_another_table_is_refused(tmp_path: Path) -> None:
    folder = write_amida13(tmp_path / "AMIDA13", IMAGES)
    (folder / "01" / "01.csv").write_text("row,column\n30,100\n")
    with pytest.raises(InputError, match=r"01/01\.csv is no table of AMIDA13"):
        AMIDA13.cases(folder)


def test_it_is_told_by_its_tables(folder: Path) -> None:
    data = read_data([folder], [], 0.25)
    assert data.summary == [
        "AMIDA13: AMIDA13 layout, 3 regions, 3 mitotic figures, 0 hard negatives; "
        "0 missing images left out, 0 annotations off their image dropped"
    ]


def test_images_without_tables_are_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no data set of a known layout"):
        read_data([write_amida13(tmp_path / "AMIDA13", {"01/01": []})], [], 0.25)

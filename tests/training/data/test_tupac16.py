"""TUPAC16's tables of figures, with and without the alternative labels' look-alikes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from algorithm.errors import InputError
from tests.synthetic.tiff import write_region
from tests.training.drawing import drawn_pixels
from tests.training.published import TUPAC, Marked, write_database, write_tupac16
from training.data import slide_runner
from training.data.ami_br import TABLE
from training.data.case_folders import slide_of
from training.data.tupac16 import TUPAC16

# x, then y; a table has them the other way round
FIGURES, LOOK_ALIKES = [(40.0, 30.0), (100.0, 70.0)], [(70.0, 20.0)]
TABLES = {"01/01": (FIGURES, LOOK_ALIKES), "01/02": ([], [(9.0, 8.0)]), "24/01": (FIGURES, [])}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = write_tupac16(tmp_path / "TUPAC_AL", TABLES)
    for name in ("01/01", "24/01"):
        (folder / name).parent.mkdir()
        pixels = drawn_pixels(128, 96, FIGURES, LOOK_ALIKES)
        tifffile.imwrite(folder / f"{name}.tif", pixels, photometric="rgb")
    return folder


def test_a_row_comes_before_a_column(folder: Path) -> None:
    assert (folder / "mitoses_ground_truth" / "01" / "01.csv").read_text() == "30.0,40.0\n70.0,100.0\n"
    region = TUPAC16.read(folder).regions[0]
    np.testing.assert_array_equal(region.figures, FIGURES)
    np.testing.assert_array_equal(region.hard_negatives, LOOK_ALIKES)
    for x, y in FIGURES:
        assert region.read(int(x) - 3, int(y) - 3, 7, 7)[..., 0].max() < 80


def test_an_image_is_a_region_of_its_case(folder: Path) -> None:
    found = TUPAC16.read(folder)
    assert [(r.name, r.slide, r.domain, r.spacing_um) for r in found.regions] == [
        ("01/01.tif", "01_stitched1", "TUPAC16", 0.25),
        ("24/01.tif", "24", "TUPAC16", 0.25),
    ]
    assert (len(found.cases), found.missing_images, found.outside) == (3, 1, 0)


def test_cases_need_no_image(folder: Path) -> None:
    assert [(case.name, case.figures, case.hard_negatives) for case in TUPAC16.cases(folder)] == [
        ("01/01.tif", 2, 1),
        ("01/02.tif", 0, 1),
        ("24/01.tif", 2, 0),
    ]


def test_an_image_without_a_table_shows_no_figure(folder: Path) -> None:
    """If its case has tables; the challenge's test cases have none and are not annotated."""
    (folder / "74").mkdir()
    for name in ("01/03", "74/01"):
        tifffile.imwrite(folder / f"{name}.tif", drawn_pixels(128, 96, [], []), photometric="rgb")
    found = TUPAC16.read(folder)
    assert [region.name for region in found.regions] == ["01/01.tif", "01/03.tif", "24/01.tif"]
    assert found.regions[1].figures.shape == found.regions[1].hard_negatives.shape == (0, 2)


def test_the_original_labels_have_no_look_alikes(folder: Path) -> None:
    for table in (folder / "nonmitoses_ground_truth").glob("*/*.csv"):
        table.unlink()
    assert sum(len(region.hard_negatives) for region in TUPAC16.read(folder).regions) == 0


@pytest.mark.parametrize("inner", ["mitoses_image_data", "mitoses_image_data_part_2"])
def test_images_may_lie_where_the_archives_unpack(folder: Path, inner: str) -> None:
    (folder / inner).mkdir()
    (folder / "24").rename(folder / inner / "24")
    assert [region.name for region in TUPAC16.read(folder).regions] == ["01/01.tif", "24/01.tif"]


def test_annotations_off_their_image_are_dropped_and_counted(folder: Path) -> None:
    (folder / "mitoses_ground_truth" / "24" / "01.csv").write_text("95,127\n96,10\n10,128\n")
    found = TUPAC16.read(folder)
    np.testing.assert_array_equal(found.regions[1].figures, [(127, 95)])
    assert found.outside == 2


def test_an_images_own_spacing_counts(folder: Path) -> None:
    write_region(folder / "24" / "01.tif", drawn_pixels(128, 96, [], []), spacing_um=0.23)
    assert [region.spacing_um for region in TUPAC16.read(folder).regions] == [0.25, 0.23]
    assert [region.spacing_um for region in TUPAC16.read(folder, 0.5).regions] == [0.5, 0.23]


def test_a_third_column_and_empty_lines_are_passed_over(folder: Path) -> None:
    """Results of the challenge have a confidence there."""
    (folder / "mitoses_ground_truth" / "24" / "01.csv").write_text("10,20,0.9\n\n30,40\n")
    np.testing.assert_array_equal(TUPAC16.read(folder).regions[1].figures, [(20, 10), (40, 30)])


@pytest.mark.parametrize("text", ["row,column\n", "10\n", "10;20\n", "\x00"])
def test_another_table_is_refused(folder: Path, text: str) -> None:
    (folder / "mitoses_ground_truth" / "24" / "01.csv").write_text(text)
    with pytest.raises(InputError, match=r"24/01\.csv is no table of TUPAC16"):
        TUPAC16.cases(folder)


def test_a_broken_image_is_named(folder: Path) -> None:
    (folder / "24" / "01.tif").write_bytes(b"II*\0no tiff")
    with pytest.raises(InputError, match=r"24/01\.tif"):
        TUPAC16.read(folder)


def test_tables_and_database_agree(folder: Path, tmp_path: Path) -> None:
    """The database places the images of cases 1 to 23 side by side; a case of one image is the same in both."""
    marked = [Marked(24, 1, [point]) for point in FIGURES]
    write_database(tmp_path / "db" / "TUPAC_alternativeLabels_training.sqlite", TUPAC, {24: "24.tif"}, marked)
    (tmp_path / "db" / "24.tif").write_bytes((folder / "24" / "01.tif").read_bytes())
    (of_database,) = slide_runner.read_slide_runner(tmp_path / "db").regions
    of_tables = TUPAC16.read(folder).regions[1]
    for name in ("slide", "domain", "scanner", "width", "height", "spacing_um"):
        assert getattr(of_database, name) == getattr(of_tables, name)
    np.testing.assert_array_equal(of_database.figures, of_tables.figures)
    np.testing.assert_array_equal(of_database.read(0, 0, 128, 96), of_tables.read(0, 0, 128, 96))


def test_ami_br_calls_the_same_slides_by_the_same_names(shared_data: Path) -> None:
    """So that they are in the same folds."""
    rows = pd.read_csv(shared_data / "AMi-Br" / TABLE)
    theirs = {Path(slide).stem for slide in rows[rows.dataset == "TUPAC16"].slide}
    assert len(theirs) == 67
    assert theirs <= {slide_of(f"{case:02}") for case in range(1, 74)}

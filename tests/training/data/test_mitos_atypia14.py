"""MITOS-ATYPIA 14's tables of figures and look-alikes, of two scanners."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from algorithm.errors import InputError
from tests.synthetic.tiff import write_region
from tests.training.drawing import drawn_pixels
from tests.training.published import write_mitos_atypia14
from training.data.folds import make_folds
from training.data.mitos_atypia14 import MITOS_ATYPIA14
from training.data.read import read_cases, read_data

# x, then y, as the tables have them
FIGURES, LOOK_ALIKES = [(100.0, 30.0), (40.0, 70.0)], [(70.0, 20.0)]
IMAGES = {"A03_00Aa": (FIGURES, LOOK_ALIKES), "A03_00Ab": ([], []), "H03_00Aa": (FIGURES, []), "A07_01Cd": ([], [])}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_mitos_atypia14(tmp_path / "MITOS", IMAGES)


def test_x_comes_before_y(folder: Path) -> None:
    tables = folder / "A03" / "mitosis"
    assert (tables / "A03_00Aa_mitosis.csv").read_text() == "100,30,1.0\n40,70,1.0\n"
    assert (tables / "A03_00Aa_not_mitosis.csv").read_text() == "70,20,0.2\n"
    region = MITOS_ATYPIA14.read(folder).regions[0]
    np.testing.assert_array_equal(region.figures, FIGURES)
    np.testing.assert_array_equal(region.hard_negatives, LOOK_ALIKES)
    for x, y in FIGURES:
        assert region.read(int(x) - 3, int(y) - 3, 7, 7)[..., 0].max() < 80


def test_a_case_says_its_scanner(folder: Path) -> None:
    found = MITOS_ATYPIA14.read(folder)
    aperio, hamamatsu = ("Aperio ScanScope XT", 0.2455), ("Hamamatsu NanoZoomer 2.0-HT", 0.2274)
    assert [(region.name, region.domain, region.spacing_um) for region in found.regions] == [
        ("A03_00Aa.tiff", *aperio),
        ("A03_00Ab.tiff", *aperio),
        ("A07_01Cd.tiff", *aperio),
        ("H03_00Aa.tiff", *hamamatsu),
    ]
    assert (len(found.cases), found.missing_images, found.outside) == (4, 0, 0)


def test_two_scans_are_one_slide(folder: Path) -> None:
    """Which is in one fold, so that no scan of a slide is trained on where the other is held out."""
    cases = MITOS_ATYPIA14.cases(folder)
    slides = [case.slide for case in cases]
    assert slides == ["MITOS-ATYPIA 14 03", "MITOS-ATYPIA 14 03", "MITOS-ATYPIA 14 07", "MITOS-ATYPIA 14 03"]
    assert len(set(make_folds(cases, "slide", 2).of_slide.values())) == 2


def test_cases_may_lie_deeper(tmp_path: Path) -> None:
    """As archives of a case each unpack into folders of their own."""
    write_mitos_atypia14(tmp_path / "MITOS" / "Training Aperio" / "A03", {"A03_00Aa": IMAGES["A03_00Aa"]})
    write_mitos_atypia14(tmp_path / "MITOS" / "Hamamatsu", {"H03_00Aa": IMAGES["H03_00Aa"]})
    names = [region.name for region in MITOS_ATYPIA14.read(tmp_path / "MITOS").regions]
    assert sorted(names) == ["A03_00Aa.tiff", "H03_00Aa.tiff"]


def test_a_case_that_is_there_twice_is_refused(folder: Path) -> None:
    write_mitos_atypia14(folder / "again", {"A07_01Cd": ([], [])})
    with pytest.raises(InputError, match=r"A07 is in .*A07 and in .*A07"):
        MITOS_ATYPIA14.cases(folder)


def test_cases_without_tables_are_not_annotated(folder: Path) -> None:
    for table in (folder / "A07" / "mitosis").iterdir():
        table.unlink()
    (folder / "A07" / "mitosis").rmdir()
    assert [case.name for case in MITOS_ATYPIA14.cases(folder)] == ["A03_00Aa.tiff", "A03_00Ab.tiff", "H03_00Aa.tiff"]


def test_an_image_need_not_be_there(folder: Path) -> None:
    (folder / "A03" / "frames" / "x40" / "A03_00Aa.tiff").unlink()
    found = MITOS_ATYPIA14.read(folder)
    assert (len(found.cases), len(found.regions), found.missing_images) == (4, 3, 1)


def test_other_magnifications_are_not_read(folder: Path) -> None:
    (folder / "A03" / "frames" / "x20").mkdir()
    pixels = drawn_pixels(128, 96, [], [])
    tifffile.imwrite(folder / "A03" / "frames" / "x20" / "A03_00A.tiff", pixels, photometric="rgb")
    assert len(MITOS_ATYPIA14.cases(folder)) == 4


def test_an_image_without_a_table_is_refused(folder: Path) -> None:
    """Taken as one without figures, it would count every figure found there as a false one."""
    (folder / "A03" / "mitosis" / "A03_00Aa_mitosis.csv").unlink()
    with pytest.raises(InputError, match=r"no table of figures .*A03_00Aa_mitosis\.csv"):
        MITOS_ATYPIA14.cases(folder)


def test_look_alikes_need_no_table(folder: Path) -> None:
    (folder / "A03" / "mitosis" / "A03_00Aa_not_mitosis.csv").unlink()
    case, *_ = MITOS_ATYPIA14.cases(folder)
    assert (case.figures, case.hard_negatives) == (2, 0)


def test_files_of_another_case_are_refused(folder: Path) -> None:
    """Their scanner, and with it their spacing, would be the wrong one."""
    (folder / "A03" / "mitosis" / "H03_00Ab_mitosis.csv").touch()
    with pytest.raises(InputError, match=r"A03 has images or tables of another case, H03_00Ab"):
        MITOS_ATYPIA14.cases(folder)


@pytest.mark.parametrize("text", ["x,y,confidence\n", "10\n", "10;20\n"])
def test_another_table_is_refused(folder: Path, text: str) -> None:
    (folder / "A03" / "mitosis" / "A03_00Aa_mitosis.csv").write_text(text)
    with pytest.raises(InputError, match=r"A03_00Aa_mitosis\.csv is no table of MITOS-ATYPIA 14"):
        MITOS_ATYPIA14.cases(folder)


def test_annotations_off_their_image_are_dropped_and_counted(folder: Path) -> None:
    (folder / "A03" / "mitosis" / "A03_00Aa_mitosis.csv").write_text("127,95,1\n128,10,1\n10,96,0.8\n")
    found = MITOS_ATYPIA14.read(folder)
    np.testing.assert_array_equal(found.regions[0].figures, [(127, 95)])
    assert found.outside == 2


def test_an_images_own_spacing_counts(folder: Path) -> None:
    pixels = drawn_pixels(128, 96, [], [])
    write_region(folder / "A07" / "frames" / "x40" / "A07_01Cd.tiff", pixels, spacing_um=0.23)
    assert [r.spacing_um for r in MITOS_ATYPIA14.read(folder).regions] == [0.2455, 0.2455, 0.23, 0.2274]


def test_it_is_told_by_its_folders(folder: Path) -> None:
    data = read_data([folder], [], 0.25)
    line = "MITOS: MITOS-ATYPIA 14 layout, 4 regions, 4 mitotic figures, 1 hard negatives; 0 missing images left out"
    assert data.summary[0].startswith(line)
    assert {region.spacing_um for region in data.annotated[0]} == {0.25}
    assert read_cases([folder]) == (
        data.cases,
        ["MITOS: MITOS-ATYPIA 14 layout, 4 cases, 4 mitotic figures, 1 hard negatives"],
    )

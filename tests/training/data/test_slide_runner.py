"""Databases of SlideRunner as CCMCT, CMC and TUPAC16's alternative labels are published, on drawn slides."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from algorithm.errors import InputError, SpacingError
from tests.synthetic.tiff import write_region
from tests.training.drawing import drawn_pixels
from tests.training.published import (
    AREA,
    CCMCT,
    CIRCLE,
    CMC,
    OLD_SCHEMA,
    POLYGON,
    SCHEMA,
    TUPAC,
    Marked,
    write_database,
    write_svs,
)
from training.data import slide_images
from training.data.slide_runner import read_cases, read_slide_runner
from training.data.slide_runner_tables import read_slides

SLIDES = {3: "2f2591b840e83a4b4358.svs", 7: "ce949341ba99845813ac.svs", 9: "91a8e57ea1f9cb0aeb63.svs"}
ANNOTATIONS = [
    Marked(3, 2, [(40, 30)]),
    Marked(3, 7, [(200, 150)]),
    Marked(3, 2, [(100, 100)], deleted=True),
    Marked(3, 1, [(60, 60)]),
    Marked(3, 3, [(70, 60)]),
    Marked(3, 0, [(80, 60)]),
    Marked(3, None, [(90, 60)]),
    Marked(3, 2, [(150, 60), (170, 100)], AREA),
    Marked(7, 7, [(30, 40)]),
]


def ccmct(folder: Path, annotations: Sequence[Marked] = ANNOTATIONS, schema: str = SCHEMA) -> Path:
    write_database(folder / "MITOS_WSI_CCMCT_ODAEL.sqlite", CCMCT, SLIDES, annotations, schema)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_svs(tmp_path / "CCMCT" / SLIDES[3], drawn_pixels(300, 260, [(40, 30), (160, 80)], [(200, 150)]))
    return ccmct(tmp_path / "CCMCT")


def test_classes_are_told_by_their_names(folder: Path) -> None:
    found = read_slide_runner(folder)
    (region,) = found.regions
    np.testing.assert_array_equal(region.figures, [(40, 30), (160, 80)])
    np.testing.assert_array_equal(region.hard_negatives, [(200, 150)])
    assert found.others == {"Granulocyte": 1, "Tumor cell": 1, "not agreed on": 2}
    assert (found.deleted, found.outside) == (1, 0)


def test_a_slide_is_read_as_its_scanner_wrote_it(folder: Path) -> None:
    """Aperio's slides have no resolution tags; the data set is published at 0.25 um/px."""
    (region,) = read_slide_runner(folder).regions
    assert (region.name, region.slide) == (SLIDES[3], Path(SLIDES[3]).stem)
    assert (region.domain, region.scanner) == ("canine cutaneous mast cell tumor", "Aperio CS2")
    assert (region.width, region.height, region.spacing_um, region.whole) == (300, 260, 0.25, True)
    for x, y in region.figures.astype(int):
        assert region.read(x - 2, y - 2, 5, 5)[..., 0].max() < 110
    assert read_slide_runner(folder, spacing_um=0.5).regions[0].spacing_um == 0.5


def test_a_larger_slide_than_regions_may_be_is_not_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slide_images, "MAX_PIXELS", 300 * 260 - 1)
    assert not read_slide_runner(folder).regions[0].whole


def test_cases_need_no_slide(folder: Path) -> None:
    """The second slide is missing; nobody annotated the third."""
    found = read_cases(folder)
    assert [(case.name, case.figures, case.hard_negatives) for case in found.cases] == [
        (SLIDES[3], 2, 1),
        (SLIDES[7], 0, 1),
    ]
    assert (found.unlabelled_slides, found.missing_slides) == (1, 1)
    assert found.left_out == (
        "1 slides without annotations and 1 missing ones left out; of the annotations 1 deleted ones and "
        "1 Granulocyte, 1 Tumor cell, 2 not agreed on left out"
    )


@pytest.mark.parametrize("inner", ["WSI", "stitched", "images"])
def test_slides_may_lie_in_a_folder_beside_the_database(folder: Path, inner: str) -> None:
    (folder / inner).mkdir()
    (folder / SLIDES[3]).rename(folder / inner / SLIDES[3])
    assert len(read_slide_runner(folder).regions) == 1


def test_a_slide_whose_annotations_are_all_deleted_is_unlabelled(tmp_path: Path) -> None:
    folder = ccmct(tmp_path / "CCMCT", [replace(marked, deleted=True) for marked in ANNOTATIONS])
    found = read_cases(folder)
    assert (found.cases, found.unlabelled_slides, found.deleted) == ([], 3, 9)


def test_an_older_database_has_no_deleted_annotations(tmp_path: Path) -> None:
    folder = ccmct(tmp_path / "CCMCT", [replace(marked, deleted=False) for marked in ANNOTATIONS], OLD_SCHEMA)
    found = read_cases(folder)
    assert ([case.figures for case in found.cases], found.deleted) == ([3, 0], 0)


@pytest.mark.parametrize("kind", [AREA, CIRCLE])
def test_a_box_counts_by_its_centre_whichever_corner_came_first(tmp_path: Path, kind: int) -> None:
    folder = ccmct(tmp_path, [Marked(3, 2, [(51, 61), (10, 20)], kind)])
    (slide,) = read_cases(folder).slides
    np.testing.assert_array_equal(slide.figures, [(30.5, 40.5)])


def test_annotations_off_their_slide_are_dropped_and_counted(folder: Path) -> None:
    (folder / "MITOS_WSI_CCMCT_ODAEL.sqlite").unlink()
    corners = [(0, 0), (299, 259), (300, 10), (10, 260), (-1, 10)]
    found = read_slide_runner(ccmct(folder, [Marked(3, 2, [point]) for point in corners]))
    np.testing.assert_array_equal(found.regions[0].figures, corners[:2])
    assert found.outside == 3


def test_outlines_of_the_tumour_are_no_annotated_cells(tmp_path: Path) -> None:
    outline = [(0, 0), (100, 0), (100, 100), (0, 0)]
    annotations = [Marked(1, 2, [(9, 8)]), Marked(1, 1, [(7, 6)]), Marked(1, 4, outline, POLYGON)]
    annotations += [Marked(1, 5, outline, POLYGON), Marked(2, 4, outline, POLYGON)]
    slides = {1: "a8773be388e12df89edd.svs", 2: "e09512d530d933e436d5.svs"}
    write_database(tmp_path / "MITOS_WSI_CMC_CODAEL_TR.sqlite", CMC, slides, annotations)
    found = read_cases(tmp_path)
    (case,) = found.cases
    assert (case.domain, case.scanner) == ("canine mammary carcinoma", "Aperio CS2")
    assert (case.figures, case.hard_negatives, found.unlabelled_slides) == (1, 1, 1)
    assert found.others == {"Tumor region": 2, "Exclude from tumor region": 1}


def test_the_alternative_labels_of_tupac16(tmp_path: Path) -> None:
    slides = {1: "01_stitched1.tif", 24: "24.tif"}
    annotations = [Marked(1, 1, [(9, 8)]), Marked(24, 2, [(7, 6)]), Marked(24, 1, [(5, 4)])]
    write_database(tmp_path / "TUPAC_alternativeLabels_augmented_training.sqlite", TUPAC, slides, annotations)
    cases = read_cases(tmp_path).cases
    assert [(case.slide, case.domain, case.figures, case.hard_negatives) for case in cases] == [
        ("01_stitched1", "TUPAC16", 1, 0),
        ("24", "TUPAC16", 1, 1),
    ]


@pytest.mark.parametrize("name", ["Mitotic figures", "Mitotic Figure", "mitosis", "Mitose"])
def test_names_of_figures(tmp_path: Path, name: str) -> None:
    write_database(tmp_path / "own.sqlite", {1: name}, {1: "a.tif"}, [Marked(1, 1, [(9, 8)])])
    (case,) = read_cases(tmp_path).cases
    assert (case.domain, case.scanner, case.figures) == (tmp_path.name, "", 1)


@pytest.mark.parametrize(
    "name",
    ["Mitotic cell look-alike", "Mitotic figure lookalikes", "Non-mitotic cells", "Nonmitotic cell", "hard negative"],
)
def test_names_of_look_alikes(tmp_path: Path, name: str) -> None:
    write_database(tmp_path / "own.sqlite", {1: name}, {1: "a.tif"}, [Marked(1, 1, [(9, 8)])])
    assert read_cases(tmp_path).cases[0].hard_negatives == 1


def test_an_unknown_class_is_refused_with_the_known_ones(folder: Path) -> None:
    with sqlite3.connect(folder / "MITOS_WSI_CCMCT_ODAEL.sqlite") as database:
        database.execute("UPDATE Classes SET name = 'Apoptosis' WHERE uid = 3")
    with pytest.raises(InputError, match=r"unknown class 'Apoptosis'.*figure: mitotic figure, .*granulocyte"):
        read_cases(folder)


def test_an_unknown_class_without_annotations_does_no_harm(tmp_path: Path) -> None:
    write_database(tmp_path / "own.sqlite", {1: "mitosis", 2: "Apoptosis"}, {1: "a"}, [Marked(1, 1, [(9, 8)])])
    assert len(read_cases(tmp_path).cases) == 1


def test_a_class_that_the_database_does_not_name_is_refused(tmp_path: Path) -> None:
    write_database(tmp_path / "own.sqlite", {1: "mitosis"}, {1: "a"}, [Marked(1, 6, [(9, 8)])])
    with pytest.raises(InputError, match="unknown class 'class 6'"):
        read_cases(tmp_path)


def test_an_annotation_without_a_place_is_counted(tmp_path: Path) -> None:
    write_database(tmp_path / "own.sqlite", {1: "mitosis"}, {1: "a"}, [Marked(1, 1, [])])
    assert read_slides(tmp_path / "own.sqlite").others == {"mitosis without a place": 1}


def test_reading_writes_nothing(folder: Path) -> None:
    database = folder / "MITOS_WSI_CCMCT_ODAEL.sqlite"
    before = database.read_bytes(), sorted(path.name for path in folder.iterdir())
    database.chmod(0o444)
    read_slide_runner(folder)
    assert (database.read_bytes(), sorted(path.name for path in folder.iterdir())) == before


def test_several_databases_are_refused(folder: Path) -> None:
    write_database(folder / "MITOS_WSI_CCMCT_MEL.sqlite", CCMCT, SLIDES, [])
    with pytest.raises(InputError, match=r"holds MITOS_WSI_CCMCT_MEL\.sqlite, MITOS_WSI_CCMCT_ODAEL\.sqlite"):
        read_cases(folder)


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0 and no more"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "own.sqlite").write_bytes(content)
    with pytest.raises(InputError, match=r"own\.sqlite is no database of SlideRunner's"):
        read_cases(tmp_path)


def test_a_slide_that_cannot_be_read_is_named(folder: Path) -> None:
    """As those of Kaggle's copy of CCMCT, which are DICOM."""
    (folder / SLIDES[3]).write_bytes(b"\0" * 128 + b"DICM")
    with pytest.raises(InputError, match=rf"{SLIDES[3]} is no TIFF"):
        read_slide_runner(folder)


def test_other_slides_must_say_their_spacing(tmp_path: Path) -> None:
    pixels = drawn_pixels(96, 80, [(40, 30)], [])
    write_database(tmp_path / "own.sqlite", {1: "mitosis"}, {1: "a.tif"}, [Marked(1, 1, [(40, 30)])])
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    with pytest.raises(SpacingError, match=r"a\.tif .* --spacing-um"):
        read_slide_runner(tmp_path)
    assert read_slide_runner(tmp_path, spacing_um=0.23).regions[0].spacing_um == 0.23
    (tmp_path / "a.tif").unlink()
    write_region(tmp_path / "a.tif", pixels, spacing_um=0.5)
    assert read_slide_runner(tmp_path, spacing_um=0.23).regions[0].spacing_um == 0.5


def test_scanned_slides_are_read(tmp_path: Path, shared_data: Path) -> None:
    """A cut of a slide in each of Aperio's compressions."""
    names = {1: "cmu-1-small-region.svs", 2: "tcga-cr-7395-01a-01-ts1.svs"}
    write_database(tmp_path / "own.sqlite", CMC, names, [Marked(slide, 2, [(500, 400)]) for slide in names])
    for name in names.values():
        (tmp_path / name).symlink_to(shared_data / "slides" / name)
    regions = read_slide_runner(tmp_path, spacing_um=0.5).regions
    assert [(region.width, region.height) for region in regions] == [(2220, 2967), (4443, 3567)]
    assert all(region.read(480, 390, 40, 20).shape == (20, 40, 3) for region in regions)

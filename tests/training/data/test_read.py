"""Data sets told apart by what their folders hold, at one resolution."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algorithm.errors import InputError
from tests.training.drawing import drawn_pixels, write_midogpp
from tests.training.published import CCMCT, Marked, write_database, write_nct_crc, write_svs, write_tupac16
from training.data.read import read_cases, read_data


def test_a_midog_folder_is_read_at_the_recipes_resolution(tmp_path: Path) -> None:
    images = [{"name": "001.tiff", "figures": [(40, 30)], "look_alikes": [(90, 60)]}, {"name": "160.tiff"}]
    folder = write_midogpp(tmp_path / "drawn", images, spacing_um=0.5)
    data = read_data([folder], [], 0.25)
    ((region,),) = data.annotated
    assert (region.width, region.height, region.spacing_um) == (256, 192, 0.25)
    np.testing.assert_allclose(region.figures, [(80.5, 60.5)])
    np.testing.assert_allclose(region.hard_negatives, [(180.5, 120.5)])
    assert data.figure_free == []
    (line,) = data.summary
    assert "drawn: MIDOG++ layout, 1 regions, 1 mitotic figures, 1 hard negatives" in line
    assert "1 unlabelled and 0 missing images left out, 0 annotations off the tissue dropped" in line


def test_figure_free_pictures_are_their_own(tmp_path: Path) -> None:
    folder = write_midogpp(tmp_path / "drawn", [{"name": "001.tiff", "figures": [(40, 30)]}])
    (tmp_path / "free").mkdir()
    Image.fromarray(drawn_pixels(64, 64, [], [])).save(tmp_path / "free" / "a.png")
    data = read_data([folder], [tmp_path / "free"], 0.25)
    assert [len(regions) for regions in data.annotated] == [1]
    assert [region.name for region in data.figure_free] == ["a.png"]
    assert data.summary[-1] == "free: figure-free tissue, 1 pictures"


def test_a_folder_of_no_known_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no data set of a known layout"):
        read_data([tmp_path], [], 0.25)


def test_ami_br_is_told_by_its_table(shared_data: Path) -> None:
    data = read_data([shared_data / "AMi-Br"], [], 0.25)
    assert len(data.annotated[0]) == 146
    assert data.summary[0].startswith("AMi-Br: AMi-Br, training part, 146 regions")


def test_a_database_of_slide_runner_is_told_by_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "CCMCT"
    marked = [Marked(1, 2, [(40, 30)]), Marked(1, 7, [(90, 60)]), Marked(1, 2, [(50, 60)], deleted=True)]
    write_database(folder / "MITOS_WSI_CCMCT_ODAEL.sqlite", CCMCT, {1: "a.svs", 2: "b.svs"}, marked)
    write_svs(folder / "a.svs", drawn_pixels(256, 250, [(40, 30)], [(90, 60)]))
    data = read_data([folder], [], 0.5)
    ((region,),) = data.annotated
    assert (region.width, region.height, region.spacing_um) == (128, 125, 0.5)
    np.testing.assert_allclose(region.figures, [(19.75, 14.75)])
    line = "CCMCT: SlideRunner database, 1 regions, 1 mitotic figures, 1 hard negatives; 1 slides without annotations"
    assert data.summary[0].startswith(line)
    assert data.summary[0].endswith("1 deleted ones and none of other classes left out, 0 off their slide dropped")
    cases, summary = read_cases([folder])
    assert cases == data.cases
    assert "SlideRunner database, 1 cases, 1 mitotic figures, 1 hard negatives" in summary[0]


def test_tupac16_is_told_by_its_tables(tmp_path: Path) -> None:
    folder = write_tupac16(tmp_path / "TUPAC_AL", {"24/01": ([(40, 30)], [(90, 60)]), "25/01": ([], [(9, 8)])})
    (folder / "24").mkdir()
    Image.fromarray(drawn_pixels(128, 96, [(40, 30)], [(90, 60)])).save(folder / "24" / "01.tif")
    data = read_data([folder], [], 0.25)
    assert data.summary == [
        "TUPAC_AL: TUPAC16 layout, 1 regions, 1 mitotic figures, 1 hard negatives; "
        "1 missing images left out, 0 annotations off their image dropped"
    ]
    cases, summary = read_cases([folder])
    assert cases == data.cases
    assert summary == ["TUPAC_AL: TUPAC16 layout, 2 cases, 1 mitotic figures, 2 hard negatives"]


def test_figure_free_folders_are_told_apart(tmp_path: Path) -> None:
    folder = write_midogpp(tmp_path / "drawn", [{"name": "001.tiff", "figures": [(40, 30)]}])
    (tmp_path / "free").mkdir()
    Image.fromarray(drawn_pixels(64, 64, [], [])).save(tmp_path / "free" / "a.png")
    patches = write_nct_crc(tmp_path / "NCT", {"DEB": 2, "TUM": 1})
    data = read_data([folder], [tmp_path / "free", patches], 0.25)
    assert [region.tissue for region in data.figure_free] == ["", "DEB", "DEB"]
    assert data.summary[1:] == [
        "free: figure-free tissue, 1 pictures",
        "NCT: NCT-CRC-HE, 2 patches (DEB 2); 1 of carcinoma left out",
    ]

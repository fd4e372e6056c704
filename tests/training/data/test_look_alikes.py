"""The file of mined look-alikes: written, edited by a person, read, and given to the regions that it is of."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algorithm.errors import AlgorithmError, InputError
from tests.training.drawing import drawn_pixels, drawn_region, write_midogpp
from training.data.look_alikes import LookAlike, read_look_alikes, with_look_alikes, write_look_alikes
from training.data.read import read_data

FIRST = LookAlike("tissue", "a, b.png", 64, 60, 30.0, 20.5, 0.625, 1, "runs/fold0")
SECOND = replace(FIRST, region="c.png", x=0.0, y=59.9, score=0.25, mined_in=2, run="runs/fold1")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "look-alikes.csv"
    write_look_alikes(path, [FIRST, SECOND])
    assert read_look_alikes(path) == [FIRST, SECOND]
    assert [file.name for file in path.parent.iterdir()] == ["look-alikes.csv"]
    write_look_alikes(path, [])
    assert read_look_alikes(path) == []


def test_a_line_can_be_taken_out(tmp_path: Path) -> None:
    path = tmp_path / "look-alikes.csv"
    write_look_alikes(path, [FIRST, SECOND])
    header, _, second = path.read_text().splitlines()
    path.write_text(f"{header}\n{second}\n")
    assert read_look_alikes(path) == [SECOND]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("tissue,a.png,64,64,1,1,0.5,1", "9 entries"),
        ("tissue,a.png,64,64,1,1,0.5,1,run,more", "9 entries"),
        ("tissue,a.png,64,64,left,1,0.5,1,run", "could not convert"),
        ("tissue,a.png,64,64,nan,1,0.5,1,run", "off the region"),
        ("tissue,a.png,64,64,64,1,0.5,1,run", "off the region"),
        ("tissue,a.png,64,64,1,-1,0.5,1,run", "off the region"),
        ("tissue,a.png,64.5,64,1,1,0.5,1,run", "invalid literal"),
    ],
)
def test_a_line_that_is_no_look_alike_is_refused_by_its_number(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "look-alikes.csv"
    write_look_alikes(path, [FIRST])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InputError, match=rf"look-alikes\.csv, line 3 is no look-alike: .*{problem}"):
        read_look_alikes(path)


@pytest.mark.parametrize("text", ["", "x,y\n1,2\n", "\x00"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=r"a\.csv (has no look-alikes|cannot be read)"):
        read_look_alikes(tmp_path / "a.csv")


def test_a_missing_file_and_a_place_that_cannot_be_written_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.csv cannot be read"):
        read_look_alikes(tmp_path / "a.csv")
    (tmp_path / "taken").write_text("no folder")
    with pytest.raises(AlgorithmError, match="cannot be written"):
        write_look_alikes(tmp_path / "taken" / "a.csv", [])


def test_regions_get_their_look_alikes_beside_those_annotated() -> None:
    first, second = (drawn_region(name) for name in "ab")
    first = replace(first, hard_negatives=np.array([(45.0, 10.0)]))
    mined = [
        LookAlike("drawn", "a", 96, 80, 8.0, 70.0, 0.5, 1, ""),
        LookAlike("other", "b", 1, 1, 0.0, 0.0, 0.5, 1, ""),
    ]
    found = with_look_alikes([first, second], "drawn", mined)
    assert found[0].hard_negatives.tolist() == [[45.0, 10.0], [8.0, 70.0]]
    assert found[1] is second
    assert len(first.hard_negatives) == 1


def test_look_alikes_of_other_regions_are_refused() -> None:
    mined = LookAlike("drawn", "a", 96, 80, 8.0, 70.0, 0.5, 1, "")
    with pytest.raises(InputError, match=r"m\.csv: drawn has no z"):
        with_look_alikes([drawn_region("a")], "drawn", [replace(mined, region="z")], "m.csv")
    with pytest.raises(InputError, match=r"a of drawn had 48 x 80 px and has 96 x 80 now"):
        with_look_alikes([drawn_region("a")], "drawn", [mined, replace(mined, width=48)], "m.csv")


def test_data_are_read_with_their_look_alikes_at_the_recipes_resolution(tmp_path: Path) -> None:
    """Annotated regions are resampled with them; plain pictures have the resolution that is asked for."""
    folder = write_midogpp(tmp_path / "drawn", [{"name": "001.tiff", "figures": [(40, 30)], "look_alikes": [(90, 60)]}])
    (tmp_path / "free").mkdir()
    Image.fromarray(drawn_pixels(64, 60, [], [])).save(tmp_path / "free" / "a.png")
    mined = [
        LookAlike("drawn", "001.tiff", 128, 96, 100.5, 20.5, 0.5, 1, ""),
        LookAlike("free", "a.png", 64, 60, 30.0, 20.0, 0.5, 1, ""),
        LookAlike("elsewhere", "b.png", 64, 60, 30.0, 20.0, 0.5, 1, ""),
    ]
    path = tmp_path / "look-alikes.csv"
    write_look_alikes(path, mined)
    data = read_data([folder], [tmp_path / "free"], 0.5, mined=path)
    assert data.annotated[0][0].hard_negatives.tolist() == [[44.75, 29.75], [50.0, 10.0]]
    assert data.figure_free[0].hard_negatives.tolist() == [[30.0, 20.0]]
    assert data.summary[-1] == "look-alikes.csv: 2 mined look-alikes, 1 of other data sets left out"
    assert [(used["file"], len(used["sha256"])) for used in data.mined] == [("look-alikes.csv", 64)]


def test_two_folders_of_one_name_cannot_be_told_apart(tmp_path: Path) -> None:
    for part in "ab":
        write_midogpp(tmp_path / part / "drawn", [{"name": "001.tiff", "figures": [(40, 30)]}])
    write_look_alikes(tmp_path / "m.csv", [FIRST])
    folders = [tmp_path / part / "drawn" for part in "ab"]
    with pytest.raises(InputError, match="Two folders are called drawn"):
        read_data(folders, [], 0.25, mined=tmp_path / "m.csv")
    assert len(read_data(folders, [], 0.25).annotated) == 2


def test_the_columns_are_the_fields() -> None:
    assert list(asdict(FIRST)) == ["data_set", "region", "width", "height", "x", "y", "score", "mined_in", "run"]

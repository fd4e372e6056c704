"""The folder of masks: its files, its summary, and a sheet that shows them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algorithm.errors import AlgorithmError, InputError
from tests.training.drawing import drawn_region
from training.data.regions import Region
from training.masks import make
from training.masks.figure import FigureMask
from training.masks.files import DataSetMasks, read_masks
from training.masks.make import make_masks, summary, write_folder
from training.masks.shapes import disk
from training.masks.sheet import COLOURS, contact_sheet

BOX = np.ones((6, 8), bool)


def segment(region: Region) -> list[FigureMask]:
    """A box on the first figure, a disk on the second."""
    x, y = region.figures[0].astype(int)
    return [FigureMask(x - 4, y - 3, BOX, "threshold"), disk(region, region.figures[1], 3.0)]


@pytest.fixture
def regions() -> list[Region]:
    return [drawn_region(str(number), seed=number) for number in range(3)]


def made(regions: list[Region]) -> DataSetMasks:
    return make_masks("drawn", regions, segment, {"blur_um": 0.5}, lambda: None)


def test_a_summary_counts_ways_and_areas(regions: list[Region]) -> None:
    """Three boxes of 48 px, three disks of 441, of 1/16 um2 each; the median lies between."""
    assert summary(made(regions)) == {
        "data_set": "drawn",
        "figures": 6,
        "nuclick": 0,
        "threshold": 3,
        "disk": 3,
        "median_area_um2": round((48 + 441) / 2 / 16, 2),
    }
    assert summary(DataSetMasks("none", [], {}))["median_area_um2"] == 0


def test_every_figure_advances_the_bar(regions: list[Region]) -> None:
    steps: list[int] = []
    make_masks("drawn", regions, segment, {}, lambda: steps.append(1))
    assert len(steps) == 6


def test_a_folder_holds_files_summary_and_sheet(regions: list[Region], tmp_path: Path) -> None:
    output = tmp_path / "new" / "masks"
    write_folder(output, [made(regions)], [regions], {"resolution_um_px": 0.25})
    assert sorted(path.name for path in output.iterdir()) == ["contact-sheet.png", "drawn.npz", "summary.json"]
    assert [path.name for path in output.parent.iterdir()] == ["masks"]
    assert [region.name for region in read_masks(output / "drawn.npz").regions] == ["0", "1", "2"]
    document = json.loads((output / "summary.json").read_text())
    assert (document["resolution_um_px"], document["data_sets"]) == (0.25, [summary(made(regions))])
    assert Image.open(output / "contact-sheet.png").size[0] > 1000


def test_a_folder_appears_whole_or_not_at_all(
    regions: list[Region], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, _: DataSetMasks) -> None:
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(make, "write_masks", full)
    with pytest.raises(AlgorithmError, match=r"masks cannot be written: .*No space left"):
        write_folder(tmp_path / "masks", [made(regions)], [regions], {})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_stays(regions: list[Region], tmp_path: Path) -> None:
    with pytest.raises(AlgorithmError, match="is there already"):
        write_folder(tmp_path, [made(regions)], [regions], {})
    assert list(tmp_path.iterdir()) == []


def test_data_without_a_figure_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="hold no mitotic figure"):
        write_folder(tmp_path / "masks", [DataSetMasks("drawn", [], {})], [[]], {})


def test_the_sheet_marks_disks(regions: list[Region]) -> None:
    """Cells of 128 px, 134 apart: outlines of their colour in each, a frame about the disks alone."""
    sheet = np.asarray(contact_sheet([(region, segment(region)) for region in regions]))
    for number in range(6):
        cell = sheet[6 : 6 + 128, 6 + number * 134 : 6 + number * 134 + 128]
        way = "disk" if number % 2 else "threshold"
        others = [colour for colour in COLOURS.values() if colour != COLOURS[way]]
        assert (cell == COLOURS[way]).all(axis=2).sum() > 40
        assert not (cell == others[0]).all(axis=2).any()
        assert (tuple(sheet[4, 6 + number * 134 + 60]) == COLOURS["disk"]) == (way == "disk")


def test_the_outline_is_the_masks_border(regions: list[Region]) -> None:
    """The box of 8 x 6 px about the figure at (20, 24), twice as large, in a window that begins at (-12, -8)."""
    sheet = np.asarray(contact_sheet([(regions[0], segment(regions[0]))]))
    outline = (sheet[6 : 6 + 128, 6 : 6 + 128] == COLOURS["threshold"]).all(axis=2)
    expected = np.zeros((128, 128), bool)
    expected[58:70, 56:72] = True
    expected[59:69, 57:71] = False
    np.testing.assert_array_equal(outline, expected)


def test_a_sheet_has_at_most_a_hundred_figures(regions: list[Region]) -> None:
    few = contact_sheet([(regions[0], segment(regions[0]))])
    assert few.size == (10 * 134 + 6, 134 + 6 + 28)
    many = contact_sheet([(regions[0], segment(regions[0]))] * 80)
    assert many.size == (10 * 134 + 6, 10 * 134 + 6 + 28)

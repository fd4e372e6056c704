"""Data sets told apart by what their folders hold, at one resolution."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algorithm.errors import InputError
from tests.training.drawing import drawn_pixels, write_midogpp
from training.data.read import read_data


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

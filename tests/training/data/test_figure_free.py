"""Folders of pictures without figures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algorithm.errors import InputError
from tests.training.drawing import drawn_pixels
from training.data.figure_free import read_figure_free


def test_a_picture_is_a_region_without_figures(tmp_path: Path) -> None:
    pixels = drawn_pixels(70, 50, [], [(30, 30)])
    Image.fromarray(pixels).save(tmp_path / "b.png")
    Image.fromarray(pixels[:40]).save(tmp_path / "a.JPG")
    (tmp_path / "notes.txt").write_text("no picture")
    first, second = read_figure_free(tmp_path, 0.5)
    assert [first.name, second.name] == ["a.JPG", "b.png"]
    assert (first.spacing_um, second.spacing_um) == (0.5, 0.5)
    assert (first.width, first.height, second.width, second.height) == (70, 40, 70, 50)
    assert second.figures.shape == second.hard_negatives.shape == (0, 2)
    np.testing.assert_array_equal(second.read(5, 7, 20, 10), pixels[7:17, 5:25])


@pytest.mark.parametrize("name", ["empty", "absent"])
def test_a_folder_without_pictures_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=f"{name} holds no pictures"):
        read_figure_free(tmp_path / name, 0.5)


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    with pytest.raises(InputError, match=r"broken\.png"):
        read_figure_free(tmp_path, 0.5)


def test_the_shared_pictures(shared_data: Path) -> None:
    regions = read_figure_free(shared_data / "tissue", 0.5)
    assert len(regions) == 15
    assert sum(len(region.figures) for region in regions) == 0

"""AMi-Br on a drawn folder, and on the published one: the training slides alone, and figures that are not central."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from algorithm.errors import InputError
from tests.training.drawing import drawn_pixels
from training.data.ami_br import CELL_PX, EXPERTS, TABLE, TRAINING_SPLIT, patch_path, read_ami_br

# slide, data set, number, centre on the slide, atypical: the second figure of 002.tiff is seen in the first's patch
ROWS = [
    ("002.tiff", "MIDOG21", 1, 1000, 1000, False),
    ("002.tiff", "MIDOG21", 2, 1020, 990, True),
    ("002.tiff", "MIDOG21", 3, 5000, 200, False),
    ("120.tiff", "MIDOG21", 4, 300, 300, False),
    ("61.tif", "TUPAC16", 5, 4000, 4000, False),
]
TRAINING = {"002.tiff", "61.tif"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    table = pd.DataFrame(ROWS, columns=["slide", "dataset", "uid", "x", "y", "majority_atypical"])
    table = table.assign(**dict.fromkeys(EXPERTS, table.majority_atypical))
    table.to_csv(tmp_path / TABLE)
    table[table.slide.isin(TRAINING)].to_csv(tmp_path / TRAINING_SPLIT)
    for slide, dataset, uid, x, y, atypical in ROWS:
        near = [(a - x + 64, b - y + 64) for other, _, _, a, b, _ in ROWS if other == slide]
        path = patch_path(tmp_path, dataset, uid, atypical)
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(drawn_pixels(128, 128, near, [])).save(path)
    return tmp_path


def test_a_slide_is_a_region_of_its_scanner(folder: Path) -> None:
    training = read_ami_br(folder)
    assert [(r.slide, r.domain, r.width, r.height) for r in training] == [
        ("002", "Hamamatsu XR", 192, 192),
        ("61", "TUPAC16", 96, 96),
    ]
    (test,) = read_ami_br(folder, split="test")
    assert (test.slide, test.domain) == ("120", "Aperio CS2")


def test_every_figure_is_annotated_where_it_is(folder: Path) -> None:
    """Also one that is seen in another figure's patch."""
    region = read_ami_br(folder)[0]
    assert len(region.figures) == 5
    pixels = region.read(0, 0, region.width, region.height)
    for x, y in region.figures.astype(int):
        assert pixels[y, x, 0] < 80
    dark = pixels[..., 0] < 80
    rows, columns = np.nonzero(dark)
    near = np.hypot(columns[:, None] - region.figures[:, 0], rows[:, None] - region.figures[:, 1]).min(axis=1)
    assert near.max() <= 7


def test_the_seed_decides_where_patches_are_cut(folder: Path) -> None:
    first, again, other = (read_ami_br(folder, seed=seed)[0].figures for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("file", [TABLE, TRAINING_SPLIT])
@pytest.mark.parametrize("text", [None, "", "a,b\n1,2\n"])
def test_another_folder_is_refused(folder: Path, file: str, text: str | None) -> None:
    (folder / file).unlink()
    if text is not None:
        (folder / file).write_text(text)
    with pytest.raises(InputError, match="is not AMi-Br"):
        read_ami_br(folder)


def test_a_missing_patch_is_named(folder: Path) -> None:
    patch_path(folder, "MIDOG21", 2, atypical=True).unlink()
    with pytest.raises(InputError, match=r"MIDOG21_2\.png"):
        read_ami_br(folder)


def test_published_training_slides_alone_and_figures_anywhere(shared_data: Path) -> None:
    folder = shared_data / "AMi-Br"
    split = set(pd.read_csv(folder / TRAINING_SPLIT).slide)
    everything = set(pd.read_csv(folder / TABLE).slide)
    regions = read_ami_br(folder)
    slides = {region.slide for region in regions}
    assert len(regions) == len(slides) == 146
    assert slides == {Path(slide).stem for slide in split}
    assert slides.isdisjoint(Path(slide).stem for slide in everything - split)
    figures = np.concatenate([region.figures for region in regions])
    assert len(figures) >= 2_894
    within = figures % CELL_PX  # a figure in the middle of its patch may lie 32 to 64 px into its cell
    assert {region.domain for region in regions} == {"Hamamatsu XR", "Hamamatsu S360", "Aperio CS2", "TUPAC16"}
    for low, high in ((30, 36), (45, 51), (60, 66)):
        share = ((within >= low) & (within < high)).mean(axis=0)
        assert (share > 0.05).all()

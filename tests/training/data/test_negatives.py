"""SPIDER and NCT-CRC-HE-100K in their published layouts, as sources of figure-free tissue."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from algorithm.errors import InputError
from tests.training.published import write_nct_crc, write_patch, write_spider
from training.data.nct_crc import read_nct_crc
from training.data.negatives import read_negatives
from training.data.read import read_data
from training.data.spider import FIGURE_FREE, PROLIFERATING, read_spider

PATCHES = [
    {"slide_id": "s1", "class": "Necrosis", "split": "train"},
    {"slide_id": "s1", "class": "Vessels", "split": "train"},
    {"slide_id": "s2", "class": "Invasive melanoma", "split": "train"},
    {"slide_id": "s3", "class": "Necrosis", "split": "test"},
    {"slide_id": "s4", "class": "Necrosis", "split": "train", "file": "no"},
    {"slide_id": "s5", "class": "Kaposi\u2019s sarcoma", "split": "train"},
]
NCT_CRC = {"ADI": 1, "BACK": 1, "DEB": 2, "LYM": 1, "MUC": 1, "MUS": 1, "NORM": 1, "STR": 1, "TUM": 3}


def pixels_of(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_the_centre_of_a_spider_patch_is_a_region_of_its_class(tmp_path: Path) -> None:
    folder = write_spider(tmp_path / "SPIDER-skin", PATCHES)
    found = read_spider(folder)
    assert [(r.name, r.slide, r.domain, r.tissue) for r in found.regions] == [
        ("0.png", "s1", "figure-free tissue", "Necrosis"),
        ("1.png", "s1", "figure-free tissue", "Vessels"),
    ]
    first = found.regions[0]
    assert (first.width, first.height, first.spacing_um) == (224, 224, 0.5)
    assert first.figures.shape == first.hard_negatives.shape == (0, 2)
    np.testing.assert_array_equal(first.read(3, 5, 20, 10), pixels_of(folder / "images" / "0.png")[5:15, 3:23])
    assert (found.others, found.missing) == ({"Invasive melanoma": 1, "Kaposi's sarcoma": 1}, 1)


def test_patches_are_resampled_and_read_from_their_files(tmp_path: Path) -> None:
    """A hundred thousand of them do not fit into memory."""
    folder = write_spider(tmp_path / "SPIDER-skin", PATCHES)
    data = read_data([], [folder], 0.25)
    regions = data.figure_free
    assert [(r.width, r.height, r.spacing_um, r.tissue) for r in regions] == [
        (448, 448, 0.25, "Necrosis"),
        (448, 448, 0.25, "Vessels"),
    ]
    before = regions[0].read(100, 100, 64, 64)
    write_patch(folder / "images" / "0.png", np.random.default_rng(1))
    assert not np.array_equal(regions[0].read(100, 100, 64, 64), before)
    assert data.summary == [
        "SPIDER-skin: SPIDER, training part, 2 patches (Necrosis 1, Vessels 1); "
        "2 of tissue that proliferates and 1 missing ones left out"
    ]


def test_an_unknown_class_of_spider_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    folder = write_spider(tmp_path / "SPIDER", [{"slide_id": "s", "class": "Bone", "split": "test"}])
    with pytest.raises(InputError, match=r"unknown class 'Bone'.*Alveoli, .*Necrosis"):
        read_spider(folder)


def test_capitals_do_not_matter(tmp_path: Path) -> None:
    patches = [{"slide_id": "s", "class": "Bronchial Cartilage", "split": "train"}]
    assert read_spider(write_spider(tmp_path / "SPIDER", patches)).regions[0].tissue == "Bronchial cartilage"


def test_every_published_class_is_known_once() -> None:
    """Skin has 24 classes, colorectal 13, thorax 14 and breast 18."""
    counts = {organ: len(FIGURE_FREE[organ]) + len(PROLIFERATING[organ]) for organ in FIGURE_FREE}
    assert counts == {"skin": 24, "colorectal": 13, "thorax": 14, "breast": 18}
    free, others = ({name for names in of.values() for name in names} for of in (FIGURE_FREE, PROLIFERATING))
    assert free.isdisjoint(others)


@pytest.mark.parametrize(
    "change",
    [
        lambda records: records[0].pop("class"),
        lambda records: records[0].update(split=None),
        lambda records: records.append(1),
    ],
)
def test_a_broken_table_of_spider_is_refused(tmp_path: Path, change: Callable[[list[Any]], object]) -> None:
    folder = write_spider(tmp_path / "SPIDER", PATCHES)
    records = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    change(records)
    (folder / "metadata.json").write_text(json.dumps(records))
    with pytest.raises(InputError, match=r"metadata\.json is no table of SPIDER"):
        read_spider(folder)


@pytest.mark.parametrize("text", ["", "{", '{"images": []}', "3"])
def test_a_broken_file_of_spider_is_refused(tmp_path: Path, text: str) -> None:
    folder = write_spider(tmp_path / "SPIDER", PATCHES)
    (folder / "metadata.json").write_text(text)
    with pytest.raises(InputError, match=r"metadata\.json is no table of SPIDER"):
        read_spider(folder)


def test_spider_without_its_patches_is_refused(tmp_path: Path) -> None:
    folder = write_spider(tmp_path / "SPIDER", [{**PATCHES[0], "file": "no"}])
    with pytest.raises(InputError, match="no patches of figure-free tissue"):
        read_spider(folder)


def test_a_patch_of_nct_crc_is_a_region_of_its_class(tmp_path: Path) -> None:
    folder = write_nct_crc(tmp_path / "NCT-CRC-HE-100K", NCT_CRC)
    regions = read_nct_crc(folder)
    assert [r.tissue for r in regions] == ["ADI", "BACK", "DEB", "DEB", "LYM", "MUC", "MUS", "NORM", "STR"]
    debris = regions[2]
    assert (debris.name, debris.slide, debris.domain) == ("DEB-AAAA0000.tif", "DEB-AAAA0000", "figure-free tissue")
    assert (debris.width, debris.height, debris.spacing_um) == (224, 224, 0.5)
    np.testing.assert_array_equal(debris.read(0, 0, 224, 224), pixels_of(folder / "DEB" / debris.name))


def test_carcinoma_is_read_where_it_is_asked_for(tmp_path: Path) -> None:
    folder = write_nct_crc(tmp_path / "NCT-CRC-HE-100K", NCT_CRC)
    assert sum(region.tissue == "TUM" for region in read_nct_crc(folder, tumour=True)) == 3
    regions, line = read_negatives(folder, 0.25)
    assert [(r.width, r.spacing_um) for r in regions] == [(224, 0.5)] * 9
    counts = "ADI 1, BACK 1, DEB 2, LYM 1, MUC 1, MUS 1, NORM 1, STR 1"
    assert line == f"NCT-CRC-HE-100K: NCT-CRC-HE, 9 patches ({counts}); 3 of carcinoma left out"


def test_an_unknown_class_of_nct_crc_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    folder = write_nct_crc(tmp_path / "NCT", {"ADI": 1, "DEB": 1, "COMPLEX": 1})
    with pytest.raises(InputError, match=r"unknown class 'COMPLEX'.*ADI, BACK, DEB"):
        read_negatives(folder, 0.5)


def test_nct_crc_of_carcinoma_alone_is_refused(tmp_path: Path) -> None:
    folder = write_nct_crc(tmp_path / "NCT", {"ADI": 0, "TUM": 1})
    with pytest.raises(InputError, match="no patches of figure-free tissue"):
        read_negatives(folder, 0.5)


def test_a_patch_of_another_size_is_refused_when_it_is_read(tmp_path: Path) -> None:
    folder = write_nct_crc(tmp_path / "NCT", {"ADI": 1, "DEB": 1})
    write_patch(folder / "DEB" / "DEB-AAAA0000.tif", np.random.default_rng(0), side_px=150)
    regions, _ = read_negatives(folder, 0.5)
    with pytest.raises(InputError, match=r"DEB-AAAA0000\.tif has 150 x 150 px, not 224 x 224"):
        regions[1].read(0, 0, 10, 10)


def test_another_folder_holds_plain_pictures(tmp_path: Path) -> None:
    write_patch(tmp_path / "a.png", np.random.default_rng(0), side_px=60)
    ((region,), line) = read_negatives(tmp_path, 0.5)
    assert (region.width, region.spacing_um, region.tissue) == (60, 0.5, "")
    assert line == f"{tmp_path.name}: figure-free tissue, 1 pictures"

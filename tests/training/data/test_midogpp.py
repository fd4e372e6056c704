"""MIDOG++'s layout on drawn folders, and the published annotation file's own figures."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from algorithm.errors import InputError, SpacingError
from tests.training.drawing import drawn_pixels, write_midogpp
from training.data.midogpp import ANNOTATIONS, TABLE, read_annotations, read_cases, read_midogpp

FIGURES = [(40, 30), (100, 70)]


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads((folder / ANNOTATIONS).read_text())
    change(document)
    (folder / ANNOTATIONS).write_text(json.dumps(document))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = [
        {"name": "001.tiff", "figures": FIGURES, "look_alikes": [(70, 20)], "tumor_type": "canine lung cancer"},
        {"name": "002.tiff", "width": 96, "height": 64},
    ]
    return write_midogpp(tmp_path / "midog", images)


def test_boxes_are_corners(folder: Path) -> None:
    """Read as x, y, width, height, as COCO means them, the centres would lie elsewhere."""
    region = read_midogpp(folder).regions[0]
    np.testing.assert_array_equal(region.figures, FIGURES)
    np.testing.assert_array_equal(region.hard_negatives, [(70, 20)])


def test_a_region_knows_its_image(folder: Path) -> None:
    first, second = read_midogpp(folder).regions
    assert (first.name, first.slide, first.domain) == ("001.tiff", "001", "canine lung cancer")
    assert (first.width, first.height, first.spacing_um) == (128, 96, 0.25)
    assert (second.width, second.height, second.figures.shape, second.hard_negatives.shape) == (96, 64, (0, 2), (0, 2))


def test_figures_lie_on_the_pixels_drawn_for_them(folder: Path) -> None:
    region = read_midogpp(folder).regions[0]
    for x, y in FIGURES:
        window = region.read(x - 3, y - 3, 7, 7)
        assert window.shape == (7, 7, 3)
        assert window[..., 0].max() < 80


def test_unlabelled_images_are_left_out_and_counted(tmp_path: Path) -> None:
    images = [{"name": name} for name in ("150.tiff", "151.tiff", "200.tiff", "201.tiff")]
    found = read_midogpp(write_midogpp(tmp_path / "midog", images))
    assert [region.name for region in found.regions] == ["150.tiff", "201.tiff"]
    assert (found.unlabelled_images, found.missing_images, found.off_tissue) == (2, 0, 0)


def test_an_annotated_image_of_such_a_number_is_labelled(tmp_path: Path) -> None:
    images = [{"name": "151.tiff", "figures": FIGURES}, {"name": "152.tiff", "look_alikes": [(50, 50)]}]
    found = read_midogpp(write_midogpp(tmp_path / "midog", images))
    assert ([region.name for region in found.regions], found.unlabelled_images) == (["151.tiff", "152.tiff"], 0)


def test_missing_images_are_counted(tmp_path: Path) -> None:
    images = [{"name": "001.tiff", "file": False}, {"name": "002.tiff"}, {"name": "155.tiff", "file": False}]
    found = read_midogpp(write_midogpp(tmp_path / "midog", images))
    assert [region.name for region in found.regions] == ["002.tiff"]
    assert (found.unlabelled_images, found.missing_images) == (1, 1)


def test_annotations_off_the_tissue_are_dropped_and_counted(tmp_path: Path) -> None:
    image = {"name": "001.tiff", "width": 256, "figures": [(60, 50)], "off_tissue": [(200, 48)]}
    found = read_midogpp(write_midogpp(tmp_path / "midog", [image]))
    np.testing.assert_array_equal(found.regions[0].figures, [(60, 50)])
    assert found.off_tissue == 1


@pytest.mark.parametrize("point", [(0, 0), (5, 50), (50, 5), (127, 95), (-3, 40)])
def test_annotations_at_the_border_are_kept(tmp_path: Path, point: tuple[int, int]) -> None:
    found = read_midogpp(write_midogpp(tmp_path / "midog", [{"name": "001.tiff", "figures": [point]}]))
    assert (len(found.regions[0].figures), found.off_tissue) == (1, 0)


@pytest.mark.parametrize("point", [(-40, 50), (50, -40), (300, 50), (50, 300)])
def test_annotations_outside_the_image_are_dropped(tmp_path: Path, point: tuple[int, int]) -> None:
    found = read_midogpp(write_midogpp(tmp_path / "midog", [{"name": "001.tiff", "figures": [point]}]))
    assert (len(found.regions[0].figures), found.off_tissue) == (0, 1)


def test_an_unknown_category_is_refused(folder: Path) -> None:
    rewrite(folder, lambda document: document["categories"].append({"id": 3, "name": "apoptosis"}))
    with pytest.raises(InputError, match=r"MIDOG\+\+.json has the category 'apoptosis'"):
        read_midogpp(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.pop("annotations"),
        lambda document: document["annotations"][0].update(category_id=7),
        lambda document: document["annotations"][0].pop("bbox"),
        lambda document: document["annotations"][0].update(bbox=[1, 2, 3]),
        lambda document: document["annotations"][0].update(bbox="here"),
        lambda document: document["images"][0].pop("file_name"),
        lambda document: document.update(images=[1]),
    ],
)
def test_a_broken_document_is_refused(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    rewrite(folder, change)
    with pytest.raises(InputError, match=r"MIDOG\+\+.json is no annotation file"):
        read_midogpp(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00"])
def test_a_broken_file_is_refused(folder: Path, text: str) -> None:
    (folder / ANNOTATIONS).write_text(text)
    with pytest.raises(InputError, match="is no annotation file"):
        read_midogpp(folder)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_midogpp(tmp_path)


def test_a_broken_image_is_refused(folder: Path) -> None:
    (folder / "images" / "001.tiff").write_bytes(b"II*\0no tiff")
    with pytest.raises(InputError, match=r"001\.tiff"):
        read_midogpp(folder)


def test_the_published_file_has_its_published_figures(shared_data: Path) -> None:
    """Aubreville et al. 2023, table 2: labelled images, figures and hard negatives of each tumour."""
    entries = read_annotations(shared_data / "MIDOGpp" / ANNOTATIONS)
    figures = sum(len(entry.figures) for entry in entries)
    look_alikes = sum(len(entry.hard_negatives) for entry in entries)
    assert (len(entries), figures, look_alikes, figures + look_alikes) == (553, 11_937, 14_349, 26_286)
    unlabelled = [entry.file_name for entry in entries if entry.unlabelled]
    assert unlabelled == [f"{number}.tiff" for number in range(151, 201)]
    totals: dict[str, Counter[str]] = {}
    for entry in entries:
        if not entry.unlabelled:
            counts = {"images": 1, "figures": len(entry.figures), "look-alikes": len(entry.hard_negatives)}
            totals.setdefault(entry.domain, Counter()).update(counts)
    assert {domain: tuple(total.values()) for domain, total in totals.items()} == {
        "human breast cancer": (150, 1721, 2714),
        "canine lung cancer": (44, 855, 951),
        "canine lymphosarcoma": (55, 3959, 4257),
        "canine cutaneous mast cell tumor": (50, 2327, 1366),
        "human neuroendocrine tumor": (55, 639, 1761),
        "canine soft tissue sarcoma": (100, 1286, 2375),
        "human melanoma": (49, 1150, 925),
    }


def test_without_its_images_it_gives_cases_and_no_region(shared_data: Path) -> None:
    found = read_midogpp(shared_data / "MIDOGpp")
    assert (found.regions, found.unlabelled_images, found.missing_images) == ([], 50, 503)
    assert (len(found.cases), found.clipped) == (503, 274)
    assert sum(case.figures for case in found.cases) == 11_937
    assert sum(case.hard_negatives for case in found.cases) == 14_349


def test_the_published_scanners_have_one_spelling(shared_data: Path) -> None:
    """The table says Hamammatsu XR of breast and Hamamatsu XR of melanoma and neuroendocrine tumours."""
    cases = read_cases(shared_data / "MIDOGpp").cases
    assert Counter(case.scanner for case in cases) == {
        "Hamamatsu XR": 50 + 49 + 55,
        "Hamamatsu S360": 50,
        "Aperio CS2": 50 + 50,
        "3D Histech": 44 + 55 + 100,
    }
    breast = Counter(case.scanner for case in cases if case.domain == "human breast cancer")
    assert breast == {"Hamamatsu XR": 50, "Hamamatsu S360": 50, "Aperio CS2": 50}


def test_a_case_is_known_without_its_image(tmp_path: Path) -> None:
    image = {"name": "007.tiff", "figures": FIGURES, "tumor_type": "canine lymphoma", "file": False}
    folder = write_midogpp(tmp_path / "midog", [image, {"name": "160.tiff"}])
    (folder / TABLE).write_text("Slide;Dataset;Tumor;Scanner;Origin;Species\n7;train;a;Hamammatsu XR;b;c\n")
    (case,) = read_cases(folder).cases
    assert (case.data_set, case.name, case.slide) == ("midog", "007.tiff", "007")
    assert (case.domain, case.scanner) == ("canine lymphosarcoma", "Hamamatsu XR")
    assert (case.figures, case.hard_negatives) == (2, 0)


@pytest.mark.parametrize("text", ["", "Slide;Scanner\nfirst;XR\n", "Slide,Scanner\n1,XR\n", "Slide;Scanner\n1\n"])
def test_a_broken_table_is_refused(folder: Path, text: str) -> None:
    (folder / TABLE).write_text(text)
    with pytest.raises(InputError, match=r"datasets_xvalidation\.csv is no table"):
        read_cases(folder)


@pytest.mark.parametrize(
    ("point", "count"), [((25, 25), 0), ((24, 40), 1), ((40, 24), 1), ((103, 71), 0), ((104, 71), 1)]
)
def test_boxes_over_the_border_are_clipped_and_counted_and_their_centres_stay(
    tmp_path: Path, point: tuple[int, int], count: int
) -> None:
    """Boxes are 50 px wide in an image of 128 x 96 px."""
    found = read_midogpp(write_midogpp(tmp_path / "midog", [{"name": "001.tiff", "look_alikes": [point]}]))
    assert found.clipped == count
    np.testing.assert_array_equal(found.regions[0].hard_negatives, [point])


@pytest.mark.parametrize(("point", "place"), [((-5, 40), (0, 40)), ((130, 98), (128, 96)), ((60, 120), (60, 96))])
def test_a_centre_outside_the_image_moves_into_what_is_left_of_its_box(
    tmp_path: Path, point: tuple[int, int], place: tuple[int, int]
) -> None:
    folder = write_midogpp(tmp_path / "midog", [{"name": "001.tiff", "figures": FIGURES, "look_alikes": [point]}])
    (image,) = read_annotations(folder / ANNOTATIONS)
    np.testing.assert_array_equal(image.hard_negatives, [place])
    assert image.clipped == 1
    np.testing.assert_array_equal(read_midogpp(folder).regions[0].hard_negatives, [place])


def test_all_published_centres_lie_in_their_images(shared_data: Path) -> None:
    """Two would not if boxes were not cut."""
    file = shared_data / "MIDOGpp" / ANNOTATIONS
    sizes = {image["file_name"]: (image["width"], image["height"]) for image in json.loads(file.read_text())["images"]}
    for entry in read_annotations(file):
        centres = np.concatenate([entry.figures, entry.hard_negatives])
        assert (centres >= 0).all()
        assert (centres <= sizes[entry.file_name]).all()


def test_a_spacing_is_taken_where_the_image_has_none(tmp_path: Path) -> None:
    images = [{"name": "001.tiff", "figures": FIGURES}, {"name": "002.tiff", "figures": FIGURES}]
    folder = write_midogpp(tmp_path / "midog", images, spacing_um=0.5)
    tifffile.imwrite(folder / "images" / "002.tiff", drawn_pixels(128, 96, FIGURES, []), photometric="rgb")
    with pytest.raises(SpacingError, match=r"002\.tiff .* --spacing-um"):
        read_midogpp(folder)
    regions = read_midogpp(folder, spacing_um=0.25).regions
    assert [region.spacing_um for region in regions] == [0.5, 0.25]
    assert regions[1].read(37, 27, 7, 7)[..., 0].max() < 80

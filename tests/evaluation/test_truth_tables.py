"""The three forms of ground truth say the same; what is wrong in a table is named with its line."""

import json
from pathlib import Path

import numpy as np
import pytest

from evaluation.errors import EvaluationError
from evaluation.truth_tables import read_any_classification_truth, read_any_detection_truth

MIDOGPP = {
    "images": [
        {"id": 1, "file_name": "001.tiff", "tumor_type": "canine lymphoma"},
        {"id": 151, "file_name": "151.tiff", "tumor_type": "canine lymphoma"},
        {"id": 3, "file_name": "003.tiff", "tumor_type": "human breast cancer"},
    ],
    "categories": [{"id": 1, "name": "mitotic figure"}, {"id": 2, "name": "not mitotic figure"}],
    "annotations": [
        {"image_id": 1, "category_id": 1, "bbox": [100, 200, 150, 260]},
        {"image_id": 1, "category_id": 2, "bbox": [0, 0, 50, 50]},
    ],
}


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_table_of_points(tmp_path: Path) -> None:
    lines = ["b.tiff,0.2,0.1,lung,random", "a.tiff,,,lymphoma,", 'b.tiff, 0.1 ,0.3,"lung",random']
    truth = read_any_detection_truth(write(tmp_path / "t.csv", "image,x_mm,y_mm,domain,roi_type", *lines), 0.25)
    assert list(truth) == ["b.tiff", "a.tiff"]
    assert truth["b.tiff"].points_mm.tolist() == [[0.2, 0.1], [0.1, 0.3]]
    assert (truth["b.tiff"].domain, truth["b.tiff"].roi_type) == ("lung", "random")
    assert truth["a.tiff"].points_mm.shape == (0, 2)
    assert (truth["a.tiff"].domain, truth["a.tiff"].roi_type) == ("lymphoma", None)


def test_columns_may_stand_in_any_order_and_the_domain_may_lack(tmp_path: Path) -> None:
    truth = read_any_detection_truth(write(tmp_path / "t.CSV", "\ufeffy_mm,image,x_mm", "0.1,a.tiff,0.2"), 0.25)
    assert truth["a.tiff"].points_mm.tolist() == [[0.2, 0.1]]
    assert truth["a.tiff"].domain == "unknown"


def test_midogpp_in_millimetres(tmp_path: Path) -> None:
    """Boxes are two corners; the look-alike is no figure, and image 151 is nobody's."""
    path = write(tmp_path / "MIDOG++.json", json.dumps(MIDOGPP))
    truth = read_any_detection_truth(path, 0.5)
    assert list(truth) == ["001.tiff", "003.tiff"]
    assert truth["001.tiff"].points_mm == pytest.approx(np.array([[125 * 0.0005, 230 * 0.0005]]))
    assert truth["001.tiff"].domain == "canine lymphoma"
    assert len(truth["003.tiff"].points_mm) == 0


def test_the_published_file(shared_data: Path) -> None:
    """Aubreville et al. 2023: 503 labelled cases with 11,937 mitotic figures."""
    truth = read_any_detection_truth(shared_data / "MIDOGpp" / "MIDOG++.json", 0.25)
    assert len(truth) == 503
    assert sum(len(each.points_mm) for each in truth.values()) == 11_937
    assert not {f"{number}.tiff" for number in range(151, 201)} & truth.keys()


def test_the_official_file(tmp_path: Path) -> None:
    entry = {"annotations": [[0.1, 0.2, 0]], "tumor domain": 3, "roi type": "hotspot"}
    truth = read_any_detection_truth(write(tmp_path / "t.json", json.dumps({"1.tiff": entry})), 9.0)
    assert truth["1.tiff"].points_mm.tolist() == [[0.1, 0.2]]
    assert truth["1.tiff"].domain == "3"


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([""], "lacks the column image"),
        (["image,x_mm,domain", "a,1,b"], "lacks the column y_mm"),
        (["image,x_mm,y_mm,domian", "a,1,1,b"], 'has the column "domian"'),
        (["image,x_mm,y_mm,x_mm", "a,1,1,1"], "has the column x_mm twice"),
        (["image,x_mm,y_mm", "a,1"], "line 2 has not the 3 values"),
        (["image,x_mm,y_mm", "a,1,1,1"], "line 2 has not the 3 values"),
        (["image,x_mm,y_mm", ",1,1"], "line 2: image is empty"),
        (["image,x_mm,y_mm", "a,1,1", "a,1,"], 'line 3: y_mm is "", no number'),
        (["image,x_mm,y_mm", "a,1,one"], 'line 2: y_mm is "one"'),
        (["image,x_mm,y_mm", "a,nan,1"], 'line 2: x_mm is "nan"'),
        (["image,x_mm,y_mm", "a,512,1"], "are these pixels"),
        (["image,x_mm,y_mm", "a,1,1", "a,,"], "line 3: .* has figures and a row that says it has none"),
        (["image,x_mm,y_mm", "a,,", "a,1,1"], "line 3: .* has figures and a row that says it has none"),
        (["image,x_mm,y_mm,domain", "a,1,1,x", "a,1,2,y"], "line 3: .* another domain"),
        (['image,x_mm,y_mm\n"a,1,1'], "is no CSV"),
    ],
)
def test_a_wrong_table_of_points_is_refused(tmp_path: Path, lines: list[str], complaint: str) -> None:
    with pytest.raises(EvaluationError, match=complaint):
        read_any_detection_truth(write(tmp_path / "t.csv", *lines), 0.25)


def test_a_table_of_crops_in_any_order(tmp_path: Path) -> None:
    lines = ["s.tiff,1,atypical,lung", "r.tiff,0,normal,", "s.tiff,0,normal,lymphoma"]
    truth = read_any_classification_truth(write(tmp_path / "t.csv", "image,index,label,domain", *lines))
    assert truth["s.tiff"].labels.tolist() == [False, True]
    assert truth["s.tiff"].domains == ("lymphoma", "lung")
    assert truth["r.tiff"].domains == ("unknown",)


def test_the_official_file_of_crops(tmp_path: Path) -> None:
    entry = {"image": "s.tiff", "labels": ["atypical"], "tumordomains": [2]}
    truth = read_any_classification_truth(write(tmp_path / "t.json", json.dumps([entry])))
    assert truth["s.tiff"].labels.tolist() == [True]


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["image,index", "a,0"], "lacks the column label"),
        (["image,index,label", "a,-1,normal"], 'index is "-1"'),
        (["image,index,label", "a,0,normal", "a,0,normal"], "line 3: crop 0 of image .* has a row already"),
        (["image,index,label", "a,0,Normal"], 'label is "Normal"'),
        (["image,index,label", "a,0,normal", "a,2,normal"], 'image "a" has no row for crop 1'),
    ],
)
def test_a_wrong_table_of_crops_is_refused(tmp_path: Path, lines: list[str], complaint: str) -> None:
    with pytest.raises(EvaluationError, match=complaint):
        read_any_classification_truth(write(tmp_path / "t.csv", *lines))


@pytest.mark.parametrize("read", [lambda path: read_any_detection_truth(path, 0.25), read_any_classification_truth])
def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path, read: object) -> None:
    assert callable(read)
    with pytest.raises(EvaluationError, match="cannot be read"):
        read(tmp_path / "none.csv")
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EvaluationError, match="no CSV in UTF-8"):
        read(tmp_path / "t.csv")

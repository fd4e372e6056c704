"""The challenge's two files of ground truth: what is read of them, and every wrong entry named."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.errors import EvaluationError
from evaluation.ground_truth import read_classification_truth, read_detection_truth
from tests.evaluation.submissions import region

STACK = {"image": "stack_1.tiff", "labels": ["normal", "atypical"], "tumordomains": [1, 6]}


def written(folder: Path, content: Any) -> Path:
    path = folder / "ground_truth.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_regions(tmp_path: Path) -> None:
    content = {"b.tiff": region([(0.4, 0.5), (0.1, 0.2)], 3, "random"), "a.tiff": region([], "lymphoma")}
    found = read_detection_truth(written(tmp_path, content))
    assert list(found) == ["b.tiff", "a.tiff"]
    np.testing.assert_array_equal(found["b.tiff"].points_mm, [[0.4, 0.5], [0.1, 0.2]])
    assert (found["b.tiff"].domain, found["b.tiff"].roi_type) == ("3", "random")
    assert found["a.tiff"].points_mm.shape == (0, 2)
    assert (found["a.tiff"].domain, found["a.tiff"].roi_type) == ("lymphoma", "hotspot")


def test_the_samples_ground_truths_are_read() -> None:
    samples = Path(__file__).parents[2] / "samples"
    found = read_detection_truth(samples / "region" / "ground_truth.json")
    assert found["region.tiff"].points_mm.shape == (12, 2)
    typed = read_classification_truth(samples / "stack" / "ground_truth.json")
    assert typed["stack.tiff"].labels.tolist() == [False] * 4 + [True] * 4


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"annotations": None}, "`annotations` is null, not a list"),
        ({"annotations": [[0.1, 0.2]]}, "annotation 0 is not a list of three numbers"),
        ({"annotations": [[0.1, 0.2, 0], [0.1, "0.2", 0]]}, "annotation 1 is not a list of three numbers"),
        ({"annotations": [[0.1, 0.2, 0.5]]}, "annotation 0 has z 0.5, not 0"),
        ({"roi type": "hot spot"}, '`roi type` is "hot spot", none of hotspot, challenging, random'),
        ({"tumor domain": 1.5}, "`tumor domain` is 1.5, neither"),
        ({"tumor domain": None}, "`tumor domain` is null, neither"),
        ({"tumor domain": True}, "`tumor domain` is true, neither"),
    ],
)
def test_a_wrong_region_is_named(changes: dict[str, Any], problem: str, tmp_path: Path) -> None:
    content = {"a.tiff": region([]), "b.tiff": region([]) | changes}
    with pytest.raises(EvaluationError, match=problem) as caught:
        read_detection_truth(written(tmp_path, content))
    assert len(caught.value.problems) == 1
    assert 'image "b.tiff": ' in str(caught.value)


@pytest.mark.parametrize("key", ["annotations", "tumor domain", "roi type"])
def test_a_missing_key_is_named(key: str, tmp_path: Path) -> None:
    entry = region([])
    del entry[key]
    with pytest.raises(EvaluationError, match=f'image "a.tiff": `{key}` is missing'):
        read_detection_truth(written(tmp_path, {"a.tiff": entry}))


def test_every_wrong_region_has_a_line(tmp_path: Path) -> None:
    content = {"a.tiff": 1, "b.tiff": region([]), "c.tiff": region([], roi_type="x")}
    with pytest.raises(EvaluationError) as caught:
        read_detection_truth(written(tmp_path, content))
    assert [problem.split('"')[1] for problem in caught.value.problems] == ["a.tiff", "c.tiff"]


def test_stacks(tmp_path: Path) -> None:
    found = read_classification_truth(written(tmp_path, [STACK]))
    assert list(found) == ["stack_1.tiff"]
    np.testing.assert_array_equal(found["stack_1.tiff"].labels, [False, True])
    assert found["stack_1.tiff"].labels.dtype == np.bool_
    assert found["stack_1.tiff"].domains == ("1", "6")


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("stack", 'entry 1: "stack" is no object'),
        (STACK | {"image": 5}, "entry 1: `image` is 5, not a name"),
        ({"image": "b.tiff", "labels": ["normal"]}, "`labels` and `tumordomains` have to be lists"),
        (STACK | {"image": "b.tiff", "labels": ["normal"]}, "1 labels, but 2 tumour domains"),
        (STACK | {"image": "b.tiff", "labels": ["normal", "AMF"]}, 'label 1 is "AMF"'),
        (STACK | {"image": "b.tiff", "tumordomains": [1, [2]]}, "tumour domain 1 is a list of 1"),
        (STACK, 'the image "stack_1.tiff" has an entry already'),
    ],
)
def test_a_wrong_stack_is_named(entry: Any, problem: str, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=problem) as caught:
        read_classification_truth(written(tmp_path, [STACK, entry]))
    assert len(caught.value.problems) == 1


def test_the_other_track_s_file_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="no ground truth of track 1"):
        read_detection_truth(written(tmp_path, [STACK]))
    with pytest.raises(EvaluationError, match="no ground truth of track 2"):
        read_classification_truth(written(tmp_path, {"a.tiff": region([])}))


def test_an_image_given_twice_is_refused(tmp_path: Path) -> None:
    entry = json.dumps(region([]))
    with pytest.raises(EvaluationError, match=r'the key "a.tiff" occurs twice'):
        read_detection_truth(written(tmp_path, f'{{"a.tiff": {entry}, "a.tiff": {entry}}}'))

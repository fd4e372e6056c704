"""A wrong result fails test.sh: the script runs with an engine that lays down a given answer, and really scores it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PX_MM = 0.25e-3
ENGINE = """#!/usr/bin/env bash
[[ $1 == run ]] || exit 0
for word in "$@"; do
  case $word in
    *:/input:ro) input=${word%%:*} ;;
    *:/output) output=${word%%:*} ;;
    *:/opt/ml/input/data/ground_truth:ro) truth=${word%%:*} ;;
  esac
done
case ${!#} in
  anaphase)
    answer=mitotic-figures.json
    ! grep -q stacked "$input/inputs.json" || answer=multiple-mitotic-figure-classification.json
    cp "$ANSWERS/$answer" "$output/"
    ;;
  anaphase-evaluation) "$PYTHON" -m evaluation --input "$input" --ground-truth "$truth" --output "$output" ;;
esac
"""
POINTS, TYPES = "mitotic-figures.json", "multiple-mitotic-figure-classification.json"
Document = dict[str, Any]
Types = list[dict[str, Any]]
Change = Callable[[Document], object]


def document() -> Document:
    """Six mitotic figures and a lesser candidate, far apart."""
    points = [
        {"name": "mitotic figure", "point": [0.05 * n, 0.02 * n, 0.0], "probability": 0.9 - 0.05 * n} for n in range(6)
    ]
    points.append({"name": "non-mitotic figure", "point": [0.4, 0.4, 0.0], "probability": 0.3})
    return {
        "name": "Points of interest",
        "type": "Multiple points",
        "points": points,
        "version": {"major": 1, "minor": 0},
    }


def types() -> Types:
    """Three crops, the second atypical."""
    return [{"class": name, "confidence": p} for name, p in (("normal", 0.1), ("atypical", 0.8), ("normal", 0.4))]


@dataclass
class Sample:
    """A sample's name, its answer's file and ground truth; what the container answers and what is expected."""

    name: str
    file: str
    truth: Any
    answer: Any
    expected: Any
    score: dict[str, float]

    def lay(self, folder: Path, answers: Path) -> None:
        sample = folder / "samples" / self.name
        sample.mkdir()
        for known in ("inputs.json", "predictions.json"):
            shutil.copy(ROOT / "samples" / self.name / known, sample)
        (sample / f"{self.name}.tiff").touch()
        (sample / "ground_truth.json").write_text(json.dumps(self.truth))
        (sample / f"expected-{self.file}").write_text(json.dumps(self.expected))
        (sample / "expected-score.json").write_text(json.dumps(self.score))
        (answers / self.file).write_text(json.dumps(self.answer))


def region(answer: Document, expected: Document, found: int = 6) -> Sample:
    """The truth is the figures of `document`; `found` is how many of the six are expected to be hit."""
    annotations = [point["point"] for point in document()["points"][:6]]
    truth = {"region.tiff": {"annotations": annotations, "tumor domain": 1, "roi type": "hotspot"}}
    score = {"true_positives": found, "false_positives": 0, "false_negatives": 0}
    return Sample("region", POINTS, truth, answer, expected, score)


def stack(answer: Types, expected: Types, sensitivity: float = 1.0) -> Sample:
    """The truth is the classes of `types`."""
    labels = [item["class"] for item in types()]
    truth = [{"image": "stack.tiff", "labels": labels, "tumordomains": [1] * len(labels)}]
    return Sample("stack", TYPES, truth, answer, expected, {"overall_sensitivity": sensitivity, "overall_roc_auc": 1.0})


def run_test_script(folder: Path, *samples: Sample, words: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """./test.sh in a copy of its files, with a stand-in for the engine; samples that are not given are as expected."""
    (folder / "samples").mkdir()
    (folder / "answers").mkdir()
    for sample in (region(document(), document()), stack(types(), types())):
        given = {each.name: each for each in samples}
        given.get(sample.name, sample).lay(folder, folder / "answers")
    for name in ("compare.py", "score.py"):
        shutil.copy(ROOT / "samples" / name, folder / "samples")
    shutil.copy(ROOT / "test.sh", folder)
    engine = folder / "engine"
    engine.write_text(ENGINE)
    engine.chmod(0o755)
    surroundings = os.environ | {
        "DOCKER": str(engine),
        "ANSWERS": str(folder / "answers"),
        "PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
    }
    command = ["./test.sh", *words]
    return subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)


def move(points: list[Document], index: int, px: float) -> None:
    points[index]["point"][0] += px * PX_MM


def test_the_expected_result_passes(tmp_path: Path) -> None:
    outcome = run_test_script(tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    assert "6 mitotic figures and 1 lesser candidates: as expected" in outcome.stdout
    assert "6 true positives" in outcome.stdout
    assert "1 atypical and 2 normal figures: as expected" in outcome.stdout
    assert "1 overall sensitivity" in outcome.stdout


@pytest.mark.parametrize(("task", "other"), [("detection", "normal figures"), ("classification", "mitotic figures")])
def test_a_model_is_tried_on_the_sample_of_its_task(tmp_path: Path, task: str, other: str) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "manifest.json").write_text(json.dumps({"task": task}))
    outcome = run_test_script(tmp_path, words=["--model", str(model)])
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.count(": as expected") == 1
    assert other not in outcome.stdout


def test_another_score_than_expected_fails(tmp_path: Path) -> None:
    outcome = run_test_script(tmp_path, region(document(), document(), found=5))
    assert outcome.returncode == 1
    assert "WRONG: expected" in outcome.stderr


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["points"].reverse(),
        lambda d: move(d["points"], 2, 0.09),
        lambda d: d["points"][1].update(probability=d["points"][1]["probability"] + 0.0009),
    ],
    ids=["order", "place within 0.1 px", "probability within 1e-3"],
)
def test_what_is_allowed_to_differ_passes(tmp_path: Path, change: Change) -> None:
    answer = document()
    change(answer)
    assert run_test_script(tmp_path, region(answer, document())).returncode == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda d: move(d["points"], 2, 0.11),
        lambda d: d["points"][3].update(probability=d["points"][3]["probability"] - 0.0011),
        lambda d: d["points"][4].update(probability=float("nan")),
        lambda d: d["points"][5].update(name="non-mitotic figure"),
        lambda d: d["points"].pop(0),
        lambda d: d["points"].append(dict(d["points"][0])),
        lambda d: d["points"].clear(),
        lambda d: d["points"].__setitem__(1, d["points"][0]),
    ],
    ids=["place", "probability", "not a number", "name", "one missing", "one too many", "none", "one twice"],
)
def test_one_changed_expected_point_fails(tmp_path: Path, change: Change) -> None:
    expected = document()
    change(expected)
    outcome = run_test_script(tmp_path, region(document(), expected))
    assert outcome.returncode == 1, outcome.stdout
    assert "WRONG" in outcome.stderr


def test_an_answer_that_is_missing_fails(tmp_path: Path) -> None:
    outcome = run_test_script(tmp_path, region({}, document()))
    assert outcome.returncode == 1


def test_the_sample_fails_where_one_expected_point_is_moved(tmp_path: Path) -> None:
    expected = json.loads((ROOT / "samples/region" / f"expected-{POINTS}").read_text())
    moved = json.loads(json.dumps(expected))
    move(moved["points"], 0, 0.2)
    assert run_test_script(tmp_path, region(expected, moved)).returncode == 1


def test_types_may_differ_by_a_thousandth(tmp_path: Path) -> None:
    answer = types()
    answer[0]["confidence"] += 0.0009
    assert run_test_script(tmp_path, stack(answer, types())).returncode == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t[1].update({"class": "normal"}),
        lambda t: t[2].update(confidence=0.4011),
        lambda t: t[0].update(confidence=float("nan")),
        lambda t: t.pop(),
        lambda t: t.append(dict(t[0])),
        lambda t: t.reverse(),
    ],
    ids=["class", "confidence", "not a number", "one missing", "one too many", "order"],
)
def test_one_changed_expected_type_fails(tmp_path: Path, change: Callable[[Types], object]) -> None:
    expected = types()
    change(expected)
    outcome = run_test_script(tmp_path, stack(types(), expected))
    assert outcome.returncode == 1, outcome.stdout
    assert "WRONG" in outcome.stderr


def test_another_score_of_the_stack_than_expected_fails(tmp_path: Path) -> None:
    outcome = run_test_script(tmp_path, stack(types(), types(), sensitivity=0.5))
    assert outcome.returncode == 1
    assert "WRONG: expected {'overall_sensitivity': 0.5}" in outcome.stderr

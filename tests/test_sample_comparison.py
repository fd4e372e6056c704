"""A wrong result fails test.sh: the script runs with an engine that lays down a given answer, and really scores it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
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
  anaphase) cp "$ANSWER" "$output/mitotic-figures.json" ;;
  anaphase-evaluation) "$PYTHON" -m evaluation --input "$input" --ground-truth "$truth" --output "$output" ;;
esac
"""
Document = dict[str, Any]
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


def run_test_script(
    folder: Path, answer: Document, expected: Document, found: int = 6
) -> subprocess.CompletedProcess[str]:
    """./test.sh in a copy of its files, with a stand-in for the engine that answers `answer`.

    The ground truth is the six figures of `document`; `found` is how many of them are expected to be hit.
    """
    (folder / "samples").mkdir()
    for name in ("compare.py", "score.py", "inputs.json", "predictions.json"):
        shutil.copy(ROOT / "samples" / name, folder / "samples")
    shutil.copy(ROOT / "test.sh", folder)
    truth = [point["point"] for point in document()["points"][:6]]
    entry = {"annotations": truth, "tumor domain": 1, "roi type": "hotspot"}
    (folder / "samples/ground_truth.json").write_text(json.dumps({"region.tiff": entry}))
    score = {"true_positives": found, "false_positives": 0, "false_negatives": 0}
    (folder / "samples/expected-score.json").write_text(json.dumps(score))
    (folder / "samples/region.tiff").touch()
    (folder / "samples/expected-mitotic-figures.json").write_text(json.dumps(expected))
    (folder / "answer.json").write_text(json.dumps(answer))
    engine = folder / "engine"
    engine.write_text(ENGINE)
    engine.chmod(0o755)
    surroundings = os.environ | {
        "DOCKER": str(engine),
        "ANSWER": str(folder / "answer.json"),
        "PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(["./test.sh"], cwd=folder, env=surroundings, capture_output=True, text=True, check=False)


def move(points: list[Document], index: int, px: float) -> None:
    points[index]["point"][0] += px * PX_MM


def test_the_expected_result_passes(tmp_path: Path) -> None:
    outcome = run_test_script(tmp_path, document(), document())
    assert outcome.returncode == 0, outcome.stderr
    assert "6 mitotic figures and 1 lesser candidates: as expected" in outcome.stdout
    assert "6 true positives" in outcome.stdout


def test_another_score_than_expected_fails(tmp_path: Path) -> None:
    outcome = run_test_script(tmp_path, document(), document(), found=5)
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
    assert run_test_script(tmp_path, answer, document()).returncode == 0


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
    outcome = run_test_script(tmp_path, document(), expected)
    assert outcome.returncode == 1, outcome.stdout
    assert "WRONG" in outcome.stderr


def test_an_answer_that_is_missing_fails(tmp_path: Path) -> None:
    outcome = run_test_script(tmp_path, {}, document())
    assert outcome.returncode == 1


def test_the_sample_fails_where_one_expected_point_is_moved(tmp_path: Path) -> None:
    expected = json.loads((ROOT / "samples/expected-mitotic-figures.json").read_text())
    moved = json.loads(json.dumps(expected))
    move(moved["points"], 0, 0.2)
    assert run_test_script(tmp_path, expected, moved).returncode == 1

"""Every figure of metrics.json against the official evaluators', for drawn submissions; see golden/README.md."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.submission import evaluate
from tests.evaluation.submissions import Submission, draw_classification, draw_detection, lay

GOLDEN = Path(__file__).parent / "golden"
DETECTION = json.loads((GOLDEN / "detection.json").read_text())
CLASSIFICATION = json.loads((GOLDEN / "classification.json").read_text())
TOLERANCE = 1e-9
NAMES = ("precision", "recall", "f1", "AP", "froc_auc")
SORTING = "6a30dafe035022e5"
CLASS_NAMES = ("sensitivity", "specificity", "balanced_accuracy", "accuracy", "roc_auc")


def metrics(submission: Submission, golden: dict[str, Any], folder: Path) -> Any:
    """The content of metrics.json, once it is sure that the submission is the one that the figures are of."""
    text = json.dumps([submission.truth, dict(submission.answers)])
    assert hashlib.sha256(text.encode()).hexdigest().startswith(golden["inputs"]), "another submission was drawn"
    lay(folder, submission)
    return evaluate(folder, folder / "ground_truth.json", processes=1).document


def sorting() -> str:
    """How this processor's np.argsort leaves equal numbers, in a word: each instruction set has its own algorithm."""
    rows = (np.arange(50 * 40).reshape(50, 40) * 7919 % 1009 % np.arange(2, 52)[:, None]).astype(np.float64)
    return hashlib.sha256(b"".join(np.argsort(row).astype("<i8").tobytes() for row in rows)).hexdigest()[:16]


def where_defined(figures: list[float | None]) -> list[float | None]:
    """The official figures of a group of track 1, null where they are undefined."""
    precision, recall, f1, ap, area = figures
    if (precision, recall, f1) == (0, 0, 1):
        precision = recall = f1 = None
    return [precision, recall, f1, None if ap == -1 else ap, area]


def hold(found: list[float | None], official: list[float | None]) -> None:
    assert [figure is None for figure in found] == [figure is None for figure in official]
    assert found == [None if figure is None else pytest.approx(figure, abs=TOLERANCE, rel=0) for figure in official]


@pytest.mark.parametrize("golden", DETECTION, ids=lambda golden: f"seed {golden['seed']}")
def test_detection(golden: dict[str, Any], tmp_path: Path) -> None:
    found = metrics(draw_detection(golden["seed"]), golden, tmp_path)
    kinds = ("true_positives", "false_positives", "false_negatives")
    assert [[result["metrics"][kind] for kind in kinds] for result in found["results"]] == golden["counts"]
    aggregates = found["aggregates"]
    assert len(aggregates) == 5 * len(golden["groups"])
    for group, official in golden["groups"].items():
        keys = [f"{group}_{name}" for name in NAMES]
        if group == "overall":
            keys = ["precision", "recall", "f1_score", "AP", "froc_auc"]
        # The official FROC takes thresholds that tie as the processor sorts them: elsewhere it is another figure.
        compared = 5 if sorting() == SORTING else 4
        hold([aggregates[key] for key in keys][:compared], where_defined(official)[:compared])


@pytest.mark.parametrize("golden", CLASSIFICATION, ids=lambda golden: f"seed {golden['seed']}")
def test_classification(golden: dict[str, Any], tmp_path: Path) -> None:
    found = metrics(draw_classification(golden["seed"]), golden, tmp_path)
    aggregates = found["aggregates"]
    overall = [aggregates[f"overall_{name}"] for name in CLASS_NAMES]
    if golden["groups"] is None:  # a class is missing from the whole submission
        assert overall[4] is None
        assert overall[2] is None
        assert (overall[0] is None) != (overall[1] is None)
        return
    assert len(aggregates) == 5 + len(golden["groups"]) - 1
    for group, official in golden["groups"].items():
        hold(overall if group == "overall" else [aggregates[group][name] for name in CLASS_NAMES], official)


def test_the_submissions_have_what_is_awkward() -> None:
    """Undefined figures of every kind are among the golden ones, and many that are none of 0, 1 and undefined."""
    groups = [figures for golden in DETECTION for figures in golden["groups"].values()]
    assert sum(figures[3] == -1 for figures in groups) > 50
    assert sum(figures[4] is None for figures in groups) > 50
    assert sum(figures[:3] == [0, 0, 1] for figures in groups) > 50
    assert sum(all(figure is not None and 0 < figure < 0.99 for figure in figures) for figures in groups) > 100
    stacks = [figures for golden in CLASSIFICATION for figures in (golden["groups"] or {}).values()]
    assert sum(golden["groups"] is None for golden in CLASSIFICATION) > 20
    assert sum(figures[4] is None for figures in stacks) > 20
    assert sum(figures[4] is not None and 0 < figures[4] < 1 for figures in stacks) > 60

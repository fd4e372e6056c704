"""Submissions for the tests: drawn from a seed, the same everywhere, and laid down as the platform does."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

REGION = "histopathology-region-of-interest-cropout"
STACK = "stacked-histopathology-roi-cropouts"
ROI_TYPES = ("hotspot", "challenging", "random")


@dataclass(frozen=True)
class Submission:
    """A ground truth and the answer to each of its images, as the files hold them."""

    truth: Any
    answers: Mapping[str, Any]

    @property
    def is_detection(self) -> bool:
        return isinstance(self.truth, dict)


def document(points: Sequence[Any]) -> dict[str, Any]:
    """A mitotic-figures.json of points (x, y, whether it is a mitotic figure, probability)."""
    return {
        "name": "Points of interest",
        "type": "Multiple points",
        "points": [
            {"name": "mitotic figure" if figure else "non-mitotic figure", "point": [x, y, 0.0], "probability": p}
            for x, y, figure, p in points
        ],
        "version": {"major": 1, "minor": 0},
    }


def region(points: Sequence[Any], domain: int | str = 0, roi_type: str = "hotspot") -> dict[str, Any]:
    """The ground truth of a region with figures at points (x, y)."""
    return {"annotations": [[x, y, 0] for x, y in points], "tumor domain": domain, "roi type": roi_type}


def crops(*confidences: float) -> list[dict[str, Any]]:
    """The answer to a stack: atypical from one half on."""
    return [{"class": "atypical" if p >= 0.5 else "normal", "confidence": float(p)} for p in confidences]


def job(image: str, pk: str, detection: bool = True) -> dict[str, Any]:
    """An entry of predictions.json."""
    given, answered = (REGION, "mitotic-figures") if detection else (STACK, "multiple-mitotic-figure-classification")
    return {
        "pk": pk,
        "status": "Succeeded",
        "inputs": [{"image": {"name": image}, "socket": {"slug": given, "relative_path": "images"}}],
        "outputs": [{"socket": {"slug": answered, "relative_path": f"{answered}.json"}}],
    }


def lay(folder: Path, submission: Submission) -> list[dict[str, Any]]:
    """Write ground_truth.json, predictions.json and a folder per job, in the order of the answers; returns the jobs.

    The key of the n-th job is "job-n".
    """
    jobs = []
    (folder / "ground_truth.json").write_text(json.dumps(submission.truth))
    for number, (image, answer) in enumerate(submission.answers.items()):
        entry = job(image, f"job-{number}", submission.is_detection)
        path = folder / entry["pk"] / "output" / entry["outputs"][0]["socket"]["relative_path"]
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(answer))
        jobs.append(entry)
    (folder / "predictions.json").write_text(json.dumps(jobs))
    return jobs


def draw_detection(seed: int) -> Submission:
    """A submission of track 1: 1 to 8 regions, every kind of awkwardness in some of the seeds.

    Places lie on a grid of 2.5 um in one seed of two, so that points are exactly 7.5 um apart or equally far from two
    figures; probabilities have one, two or all digits, or are all the same; some regions have no figures, no points, or
    neither; one seed of eight has regions of more than a hundred points.
    """
    rng = np.random.default_rng(seed)
    on_grid, digits = bool(seed % 2), int(rng.integers(0, 4))
    truth, answers = {}, {}
    for number in range(int(rng.integers(1, 9))):
        crowd = 6 if seed % 8 == 0 else 1
        figures = _places(rng, crowd * int(rng.integers(0, 9)) * int(rng.random() > 0.2), on_grid)
        near = [figure for figure in figures if rng.random() < 0.8]
        far = _places(rng, crowd * int(rng.integers(0, 12)), on_grid)
        shifts = [_shift(rng, on_grid) for _ in near]
        places = [(x + dx, y + dy) for (x, y), (dx, dy) in zip(near, shifts, strict=True)] + far
        kept = [places[k] for k in rng.permutation(len(places))] if rng.random() > 0.15 else []
        points = [(x, y, p > 0.45, p) for (x, y), p in ((place, _probability(rng, digits)) for place in kept)]
        name = f"{number:03d}.tiff"
        truth[name] = region(figures, int(rng.integers(0, 4)), ROI_TYPES[int(rng.integers(0, 3))])
        answers[name] = document(points)
    return Submission(truth, answers)


def draw_classification(seed: int) -> Submission:
    """A submission of track 2: 1 to 6 stacks of 1 to 16 crops; some seeds have one class, some equal confidences."""
    rng = np.random.default_rng(seed)
    digits, prevalence = int(rng.integers(0, 4)), (0.0, 1.0, 0.2, 0.5, 0.2)[seed % 5]
    domains = int(rng.integers(1, 6))
    truth, answers = [], {}
    for number in range(int(rng.integers(1, 7))):
        atypical = [bool(rng.random() < prevalence) for _ in range(int(rng.integers(1, 17)))]
        name = f"stack_{number}.tiff"
        labels = ["atypical" if flag else "normal" for flag in atypical]
        truth.append({"image": name, "labels": labels, "tumordomains": [int(rng.integers(0, domains)) for _ in labels]})
        answers[name] = [
            {
                "class": "atypical" if rng.random() < (0.7 if flag else 0.3) else "normal",
                "confidence": _probability(rng, digits),
            }
            for flag in atypical
        ]
    return Submission(truth, answers)


def _places(rng: np.random.Generator, count: int, on_grid: bool) -> list[tuple[float, float]]:
    if on_grid:
        return [(int(x) * 25 / 10000, int(y) * 25 / 10000) for x, y in rng.integers(4, 44, (count, 2))]
    return [(float(x), float(y)) for x, y in 0.01 + rng.random((count, 2)) * 0.4]


def _shift(rng: np.random.Generator, on_grid: bool) -> tuple[float, float]:
    """Up to 10 um; on the grid often exactly 7.5 um along an axis."""
    if on_grid:
        x, y = ((3, 0), (0, -3), (0, 0), (2, 2), (-2, 1), (1, 3), (0, 4))[int(rng.integers(0, 7))]
        return x * 25 / 10000, y * 25 / 10000
    dx, dy = (rng.random(2) - 0.5) * 0.02
    return float(dx), float(dy)


def _probability(rng: np.random.Generator, digits: int) -> float:
    """With one digit, two, or all of them; or always 0.75."""
    value = float(rng.random())
    return 0.75 if digits == 0 else value if digits == 3 else round(value, digits)

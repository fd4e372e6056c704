"""Drawn ground truth and answers of both tracks, as files, from a seed."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

DETECTION_FILE = "mitotic-figures.json"
CLASSIFICATION_FILE = "multiple-mitotic-figure-classification.json"
DOMAINS = ("human breast carcinoma", "canine lung cancer", "canine lymphoma", "human neuroendocrine tumor")


def draw_detection(folder: Path, cases: int = 40, seed: int = 1, domains: Sequence[str] = DOMAINS) -> Path:
    """Write truth.csv, and the results of a good and of a worse detector under good/ and worse/."""
    rng = np.random.default_rng(seed)
    rows = ["image,x_mm,y_mm,domain"]
    for number in range(cases):
        name, domain = f"{number + 1:03d}.tiff", domains[number % len(domains)]
        figures = rng.uniform(0.05, 1.9, (rng.poisson(2 + 4 * (number % len(domains))), 2))
        rows += [f"{name},{x:.5f},{y:.5f},{domain}" for x, y in figures] or [f"{name},,,{domain}"]
        for system, skill in (("good", 1.6), ("worse", 0.9)):
            hits = figures + rng.normal(0, 0.0018, figures.shape)
            others = rng.uniform(0.05, 1.9, (rng.poisson(12), 2))
            logits = np.concatenate([rng.normal(skill, 1.2, len(hits)), rng.normal(-skill, 1.0, len(others))])
            write_points(
                folder / system / name[:-5] / DETECTION_FILE, np.vstack([hits, others]), 1 / (1 + np.exp(-logits))
            )
    (folder / "truth.csv").write_text("\n".join(rows) + "\n")
    return folder


def write_points(path: Path, points_mm: np.ndarray, scores: np.ndarray, threshold: float = 0.5) -> None:
    """A mitotic-figures.json with points (N, 2), mm, named by the threshold."""
    points = [
        {
            "name": "mitotic figure" if score >= threshold else "non-mitotic figure",
            "point": [float(x), float(y), 0.0],
            "probability": round(float(score), 4),
        }
        for (x, y), score in zip(points_mm, scores, strict=True)
    ]
    document = {"name": "Points of interest", "type": "Multiple points", "points": points}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**document, "version": {"major": 1, "minor": 0}}))


def draw_classification(folder: Path, cases: int = 40, seed: int = 1, domains: Sequence[str] = DOMAINS) -> Path:
    """Write truth.csv, and the results of a good and of a worse classifier under good/ and worse/."""
    rng = np.random.default_rng(seed)
    rows = ["image,index,label,domain"]
    for number in range(cases):
        name, domain = f"{number + 1:03d}.tiff", domains[number % len(domains)]
        atypical = rng.random(16) < 0.25
        rows += [f"{name},{i},{'atypical' if each else 'normal'},{domain}" for i, each in enumerate(atypical)]
        for system, skill in (("good", 1.5), ("worse", 0.5)):
            logits = np.where(atypical, skill, -skill) + rng.normal(0, 1.0, 16)
            write_classes(folder / system / name[:-5] / CLASSIFICATION_FILE, 1 / (1 + np.exp(-2 * logits)))
    (folder / "truth.csv").write_text("\n".join(rows) + "\n")
    return folder


def write_classes(path: Path, confidences: np.ndarray) -> None:
    """A classification document; a crop is called atypical from 0.5 on."""
    classes = [
        {"class": "atypical" if value >= 0.5 else "normal", "confidence": round(float(value), 4)}
        for value in confidences
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(classes))

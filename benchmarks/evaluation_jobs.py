"""How long the challenge's evaluation takes for many jobs of track 1.

    python benchmarks/evaluation_jobs.py --jobs 10000

Draws a submission into a temporary folder (8 to 12 figures and 10 to 30 points a region, four domains, three kinds of
region), scores it as the container does, and prints a row of a Markdown table. Needs anaphase[evaluation].
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROI_TYPES = ("hotspot", "challenging", "random")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder, options.jobs)
        command = [sys.executable, "-m", "evaluation", "--input", name, "--ground-truth", name, "--output", name]
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        megabytes = (folder / "metrics.json").stat().st_size / 1e6
    print("| jobs | processors | seconds | metrics.json, MB |\n|---|---|---|---|")
    print(f"| {options.jobs:,} | {len(os.sched_getaffinity(0))} | {seconds:.1f} | {megabytes:.1f} |")


def draw(folder: Path, jobs: int) -> None:
    """Lay down predictions.json, ground_truth.json and a folder per job."""
    rng = np.random.default_rng(0)
    truth, predictions = {}, []
    for number in range(jobs):
        figures = rng.random((int(rng.integers(8, 13)), 2)) * 1.5
        found = figures[rng.random(len(figures)) < 0.8]
        others = rng.random((int(rng.integers(5, 19)), 2)) * 1.5
        places = np.vstack([found + rng.normal(0, 0.002, found.shape), others]).clip(0)
        scores = np.concatenate([rng.beta(4, 2, len(found)), rng.beta(2, 4, len(others))])
        image, key = f"{number:05d}.tiff", f"job-{number:05d}"
        truth[image] = {
            "annotations": [[x, y, 0] for x, y in figures.tolist()],
            "tumor domain": number % 4,
            "roi type": ROI_TYPES[number % 3],
        }
        predictions.append(
            {
                "pk": key,
                "inputs": [{"image": {"name": image}, "socket": {"slug": "histopathology-region-of-interest-cropout"}}],
                "outputs": [{"socket": {"slug": "mitotic-figures", "relative_path": "mitotic-figures.json"}}],
            }
        )
        output = folder / key / "output"
        output.mkdir(parents=True)
        (output / "mitotic-figures.json").write_text(json.dumps(answer(places, scores)))
    (folder / "ground_truth.json").write_text(json.dumps(truth))
    (folder / "predictions.json").write_text(json.dumps(predictions))


def answer(places: np.ndarray, scores: np.ndarray) -> dict[str, object]:
    """The document of points (M, 2), x then y, mm, with scores (M,)."""
    names = np.where(scores > 0.5, "mitotic figure", "non-mitotic figure").tolist()
    points = [
        {"name": name, "point": [x, y, 0], "probability": score}
        for name, (x, y), score in zip(names, places.tolist(), scores.tolist(), strict=True)
    ]
    version = {"major": 1, "minor": 0}
    return {"name": "Points of interest", "type": "Multiple points", "points": points, "version": version}


if __name__ == "__main__":
    main()

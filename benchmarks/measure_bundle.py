"""What a bundle finds and how often it cries wolf: the figures of its model card.

    python benchmarks/measure_bundle.py bundles/vm_unet_small --regions regions-test --blind-f1 0.34 \
        --slides tcga.svs cmu-1.svs --slides-spacing-um 0.5

--regions is a folder with images/, the official ground_truth.json and tissue.json; detections at the bundle's threshold
are matched as the MIDOG 2025 evaluation does. --slides are images of contiguous tissue where figures are rare and
nobody has marked them: all that is found there is counted as a detection per mm2 of tissue. Prints a table and writes
BUNDLE/measured.json. Needs anaphase[cpu,evaluation].
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithm.bundle import load_bundle
from algorithm.detectors import Detector, Result, load
from algorithm.images import open_image
from evaluation.bootstrap import interval
from evaluation.matching import Counts, match


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--regions", type=Path, required=True)
    parser.add_argument("--blind-f1", type=float, help="the F1 of an answer that ignores the picture, quoted beside")
    parser.add_argument("--slides", type=Path, nargs="*", default=[])
    parser.add_argument("--slides-spacing-um", type=float)
    parser.add_argument("--overlap", type=float)
    parser.add_argument("--threshold", type=float, help="another than the bundle's; never choose one on test regions")
    options = parser.parse_args()

    detector = load(load_bundle(options.bundle), "auto", options.overlap, options.threshold)
    measured = {
        "bundle": detector.bundle.manifest.name,
        "version": detector.bundle.manifest.version,
        "threshold": detector.postprocess.threshold,
        "overlap": detector.overlap,
        "device": detector.device,
        "cores": os.cpu_count(),
        "regions": measure_regions(detector, options.regions, options.blind_f1),
        "slides": [measure_slide(detector, path, options.slides_spacing_um) for path in options.slides],
    }
    (options.bundle / "measured.json").write_text(json.dumps(measured, indent=1) + "\n")
    print(json.dumps({**measured, "regions": {**measured["regions"], "domains": None}}, indent=1))
    print(table(measured))


def measure_regions(detector: Detector, folder: Path, blind_f1: float | None) -> dict[str, Any]:
    """F1, precision and recall over all regions with intervals by bootstrap over regions, and per domain."""
    truth = json.loads((folder / "ground_truth.json").read_text())
    tissue_mm2 = json.loads((folder / "tissue.json").read_text())
    start = time.perf_counter()
    counts = {name: _count(detector, folder / "images" / name, entry["annotations"]) for name, entry in truth.items()}
    seconds = time.perf_counter() - start
    domains: dict[str, list[Counts]] = {}
    for name, entry in truth.items():
        domains.setdefault(str(entry["tumor domain"]), []).append(counts[name])
    return {
        **_scores(list(counts.values())),
        "blind_f1": blind_f1,
        "regions": len(truth),
        "figures": sum(len(entry["annotations"]) for entry in truth.values()),
        "tissue_mm2": round(sum(tissue_mm2.values()), 2),
        "seconds": round(seconds, 1),
        "domains": {domain: _scores(part) for domain, part in sorted(domains.items())},
    }


def measure_slide(detector: Detector, path: Path, spacing_um: float | None) -> dict[str, Any]:
    """Detections at the threshold per mm2 of tissue."""
    result, _ = _detect(detector, path, spacing_um)
    found = int((result.detections.scores >= result.threshold).sum())
    return {
        "slide": path.name,
        "detections": found,
        "tissue_mm2": round(result.tissue_mm2, 2),
        "per_mm2": round(found / result.tissue_mm2, 1),
        "seconds": round(sum(result.seconds.values()), 1),
    }


def table(measured: dict[str, Any]) -> str:
    """The figures as Markdown rows for the model card."""
    regions = measured["regions"]
    rows = ["| measure | value |", "|---|---|"]
    rows += [
        f"| {name} | {regions[name]:.3f} (95 % interval {regions[f'{name}_interval'][0]:.3f} to "
        f"{regions[f'{name}_interval'][1]:.3f}) |"
        for name in ("f1", "precision", "recall")
    ]
    rows += [f"| blind F1 | {regions['blind_f1']} |"]
    rows += [f"| f1 of domain {domain} | {scores['f1']:.3f} |" for domain, scores in regions["domains"].items()]
    rows += [f"| detections per mm2, {slide['slide']} | {slide['per_mm2']} |" for slide in measured["slides"]]
    rows += [f"| seconds for all regions, {measured['cores']} cores | {regions['seconds']} |"]
    rows += [
        f"| seconds for the {slide['tissue_mm2']} mm2 of {slide['slide']} | {slide['seconds']} |"
        for slide in measured["slides"]
    ]
    return "\n".join(rows)


def _detect(detector: Detector, path: Path, spacing_um: float | None) -> tuple[Result, NDArray[np.float64]]:
    """The result, and the points (N, 2) at the threshold in mm."""
    with open_image(path, spacing_um) as image:
        result = detector.detect(image)
        points = result.detections.points[result.detections.scores >= result.threshold]
        return result, points * np.array(image.spacing_um) / 1000


def _count(detector: Detector, path: Path, annotations: list[list[float]]) -> Counts:
    _, points_mm = _detect(detector, path, None)
    return match(np.array(annotations, dtype=np.float64).reshape(-1, 3)[:, :2], points_mm)


def _scores(counts: list[Counts]) -> dict[str, Any]:
    total = sum(counts, Counts())
    cases = np.array([(c.true_positives, c.false_positives, c.false_negatives) for c in counts], dtype=np.float64)
    return {
        "true_positives": total.true_positives,
        "false_positives": total.false_positives,
        "false_negatives": total.false_negatives,
        "f1": total.f1,
        "f1_interval": interval(cases, lambda s: 2 * s[:, 0] / np.maximum(2 * s[:, 0] + s[:, 1] + s[:, 2], 1)),
        "precision": total.precision,
        "precision_interval": interval(cases, lambda s: s[:, 0] / np.maximum(s[:, 0] + s[:, 1], 1)),
        "recall": total.recall,
        "recall_interval": interval(cases, lambda s: s[:, 0] / np.maximum(s[:, 0] + s[:, 2], 1)),
    }


if __name__ == "__main__":
    main()

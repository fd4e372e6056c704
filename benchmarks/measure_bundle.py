"""What a bundle finds, or several together, and how often they cry wolf: the figures of a model card.

    python benchmarks/measure_bundle.py bundles/vm_unet_small --regions regions-test --blind-f1 0.34 \
        --slides tcga.svs cmu-1.svs --slides-spacing-um 0.5

--regions is a folder with images/, the official ground_truth.json and tissue.json; detections at the bundle's threshold
are matched as the MIDOG 2025 evaluation does. --slides are images of contiguous tissue where figures are rare and
nobody has marked them: all that is found there is counted as a detection per mm2 of tissue. Prints a table, and writes
BUNDLE/measured.json where one bundle is given; several are measured as a mixed ensemble. Needs
anaphase[cpu,evaluation].
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from algorithm.bundle import load_bundle
from algorithm.contract import points_mm
from algorithm.images import open_image
from algorithm.mixed import AnyDetector, load
from evaluation.average_precision import average_precision
from evaluation.bootstrap import interval
from evaluation.cases import DetectionCase
from evaluation.matching import Counts, match


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundles", type=Path, nargs="+", metavar="BUNDLE")
    parser.add_argument("--regions", type=Path, required=True)
    parser.add_argument("--blind-f1", type=float, help="the F1 of an answer that ignores the picture, quoted beside")
    parser.add_argument("--slides", type=Path, nargs="*", default=[])
    parser.add_argument("--slides-spacing-um", type=float)
    parser.add_argument("--overlap", type=float)
    parser.add_argument("--threshold", type=float, help="another than the bundle's; never choose one on test regions")
    options = parser.parse_args()

    detector = load([load_bundle(path) for path in options.bundles], "auto", options.overlap, options.threshold)
    parts = detector.parts
    measured = {
        "bundle": one_or_all([part.bundle.manifest.name for part in parts]),
        "version": one_or_all([part.bundle.manifest.version for part in parts]),
        "threshold": detector.threshold,
        "overlap": one_or_all([part.overlap for part in parts]),
        "device": one_or_all([part.device for part in parts]),
        "cores": os.cpu_count(),
        "regions": measure_regions(detector, options.regions, options.blind_f1),
        "slides": [measure_slide(detector, path, options.slides_spacing_um) for path in options.slides],
    }
    if len(options.bundles) == 1:
        (options.bundles[0] / "measured.json").write_text(json.dumps(measured, indent=1) + "\n")
    print(json.dumps({**measured, "regions": {**measured["regions"], "domains": None}}, indent=1))
    print(table(measured))


def one_or_all(values: list[Any]) -> Any:
    """Of the only bundle, or of all in a list."""
    return values[0] if len(values) == 1 else values


def measure_regions(detector: AnyDetector, folder: Path, blind_f1: float | None) -> dict[str, Any]:
    """F1, precision and recall over all regions with intervals by bootstrap over regions, and per domain; AP."""
    truth = json.loads((folder / "ground_truth.json").read_text())
    tissue_mm2 = json.loads((folder / "tissue.json").read_text())
    start = time.perf_counter()
    cases = [_case(detector, folder / "images" / name, entry) for name, entry in truth.items()]
    seconds = time.perf_counter() - start
    domains: dict[str, list[DetectionCase]] = {}
    for case in cases:
        domains.setdefault(case.domain, []).append(case)
    return {
        **_scores(cases),
        "average_precision": average_precision(cases),
        "blind_f1": blind_f1,
        "regions": len(truth),
        "figures": sum(len(entry["annotations"]) for entry in truth.values()),
        "tissue_mm2": round(sum(tissue_mm2.values()), 2),
        "seconds": round(seconds, 1),
        "domains": {domain: _scores(part) for domain, part in sorted(domains.items())},
    }


def measure_slide(detector: AnyDetector, path: Path, spacing_um: float | None) -> dict[str, Any]:
    """Detections at the threshold per mm2 of tissue."""
    with open_image(path, spacing_um) as image:
        result = detector.detect(image)
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
    rows += [f"| AP | {regions['average_precision']:.3f} |"]
    rows += [f"| blind F1 | {regions['blind_f1']} |"]
    rows += [f"| f1 of domain {domain} | {scores['f1']:.3f} |" for domain, scores in regions["domains"].items()]
    rows += [f"| detections per mm2, {slide['slide']} | {slide['per_mm2']} |" for slide in measured["slides"]]
    rows += [f"| seconds for all regions, {measured['cores']} cores | {regions['seconds']} |"]
    rows += [
        f"| seconds for the {slide['tissue_mm2']} mm2 of {slide['slide']} | {slide['seconds']} |"
        for slide in measured["slides"]
    ]
    return "\n".join(rows)


def _case(detector: AnyDetector, path: Path, entry: dict[str, Any]) -> DetectionCase:
    with open_image(path) as image:
        result = detector.detect(image)
        found_mm = points_mm(result.detections.points, image.spacing_um)
    scores = result.detections.scores
    truth_mm = np.array(entry["annotations"], dtype=np.float64).reshape(-1, 3)[:, :2]
    figures = scores >= result.threshold
    return DetectionCase(path.name, str(entry["tumor domain"]), None, truth_mm, found_mm, scores, figures)


def _scores(group: list[DetectionCase]) -> dict[str, Any]:
    counts = [match(case.truth_mm, case.points_mm[case.figures]) for case in group]
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

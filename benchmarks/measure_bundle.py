"""What a bundle finds, or several together, and how often they cry wolf: the figures of a model card.

    python benchmarks/measure_bundle.py bundles/vm_unet_small --regions regions-test --blind-f1 0.34 \
        --slides tcga.svs cmu-1.svs --slides-spacing-um 0.5
    python benchmarks/measure_bundle.py bundles/vm_unet_small --data MITOS-ATYPIA-14

--regions is a folder with images/, the official ground_truth.json and tissue.json; detections at the bundle's threshold
are matched as the MIDOG 2025 evaluation does. --data are annotated data sets in the layouts that training reads
(docs/training.md), as external test sets: make sure that the bundle was trained on none of their slides. --slides are
images of contiguous tissue where figures are rare and nobody has marked them: all that is found there is counted as a
detection per mm2 of tissue. Prints a table, and with --regions writes BUNDLE/measured.json where one bundle is given;
several are measured as a mixed ensemble. Needs anaphase[cpu,train,evaluation].
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
from algorithm.images import Image, open_image
from algorithm.mixed import AnyDetector, load
from evaluation.average_precision import average_precision
from evaluation.bootstrap import interval
from evaluation.cases import DetectionCase, Floats
from evaluation.matching import Counts, match
from training.data.read import read_annotated
from training.data.regions import Region, RegionImage


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundles", type=Path, nargs="+", metavar="BUNDLE")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--regions", type=Path)
    source.add_argument("--data", type=Path, nargs="+")
    parser.add_argument("--spacing-um", type=float, help="um per pixel of images of --data that do not say it")
    parser.add_argument("--blind-f1", type=float, help="the F1 of an answer that ignores the picture, quoted beside")
    parser.add_argument("--slides", type=Path, nargs="*", default=[])
    parser.add_argument("--slides-spacing-um", type=float)
    parser.add_argument("--overlap", type=float)
    parser.add_argument("--threshold", type=float, help="another than the bundle's; never choose one on test regions")
    options = parser.parse_args()

    detector = load([load_bundle(path) for path in options.bundles], "auto", options.overlap, options.threshold)
    parts = detector.parts
    if options.data:
        regions = measure_data(detector, options.data, options.spacing_um)
    else:
        regions = measure_regions(detector, options.regions)
    measured = {
        "bundle": one_or_all([part.bundle.manifest.name for part in parts]),
        "version": one_or_all([part.bundle.manifest.version for part in parts]),
        "threshold": detector.threshold,
        "overlap": one_or_all([part.overlap for part in parts]),
        "device": one_or_all([part.device for part in parts]),
        "cores": os.cpu_count(),
        "regions": {**regions, "blind_f1": options.blind_f1},
        "slides": [measure_slide(detector, path, options.slides_spacing_um) for path in options.slides],
    }
    if options.regions and len(options.bundles) == 1:
        (options.bundles[0] / "measured.json").write_text(json.dumps(measured, indent=1) + "\n")
    print(json.dumps({**measured, "regions": {**measured["regions"], "domains": None}}, indent=1))
    print(table(measured))


def one_or_all(values: list[Any]) -> Any:
    """Of the only bundle, or of all in a list."""
    return values[0] if len(values) == 1 else values


def measure_regions(detector: AnyDetector, folder: Path) -> dict[str, Any]:
    """The scores over regions with an official ground truth."""
    truth = json.loads((folder / "ground_truth.json").read_text())
    tissue_mm2 = json.loads((folder / "tissue.json").read_text())
    start = time.perf_counter()
    cases = [_case_of_file(detector, folder / "images" / name, entry) for name, entry in truth.items()]
    return {**_measured(cases, start), "tissue_mm2": round(sum(tissue_mm2.values()), 2)}


def measure_data(detector: AnyDetector, folders: list[Path], spacing_um: float | None) -> dict[str, Any]:
    """The scores over annotated data sets, whose lines are printed; spacing_um as `training fit --spacing-um`."""
    regions = []
    for folder in folders:
        found, line, _ = read_annotated(folder, spacing_um)
        print(line)
        regions += found
    start = time.perf_counter()
    return _measured([_case_of_region(detector, region) for region in regions], start)


def _measured(cases: list[DetectionCase], start: float) -> dict[str, Any]:
    """F1, precision, recall and AP over all cases and per domain, with intervals by bootstrap over cases."""
    seconds = time.perf_counter() - start
    domains: dict[str, list[DetectionCase]] = {}
    for case in cases:
        domains.setdefault(case.domain, []).append(case)
    return {
        **_scores(cases),
        "regions": len(cases),
        "figures": sum(len(case.truth_mm) for case in cases),
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
    rows += [f"| AP | {_number(regions['average_precision'])} |"]
    if regions["blind_f1"] is not None:
        rows += [f"| blind F1 | {regions['blind_f1']} |"]
    rows += [
        f"| f1 of domain {domain} | {scores['f1']:.3f} (precision {scores['precision']:.3f}, recall "
        f"{scores['recall']:.3f}, AP {_number(scores['average_precision'])}) |"
        for domain, scores in regions["domains"].items()
    ]
    rows += [f"| detections per mm2, {slide['slide']} | {slide['per_mm2']} |" for slide in measured["slides"]]
    rows += [f"| seconds for all regions, {measured['cores']} cores | {regions['seconds']} |"]
    rows += [
        f"| seconds for the {slide['tissue_mm2']} mm2 of {slide['slide']} | {slide['seconds']} |"
        for slide in measured["slides"]
    ]
    return "\n".join(rows)


def _number(value: float | None) -> str:
    """A domain without figures has no AP."""
    return "none" if value is None else f"{value:.3f}"


def _case_of_file(detector: AnyDetector, path: Path, entry: dict[str, Any]) -> DetectionCase:
    truth_mm = np.array(entry["annotations"], dtype=np.float64).reshape(-1, 3)[:, :2]
    with open_image(path) as image:
        return _case(detector, image, str(entry["tumor domain"]), truth_mm)


def _case_of_region(detector: AnyDetector, region: Region) -> DetectionCase:
    with RegionImage(region) as image:
        return _case(detector, image, region.domain, points_mm(region.figures, image.spacing_um))


def _case(detector: AnyDetector, image: Image, domain: str, truth_mm: Floats) -> DetectionCase:
    result = detector.detect(image)
    found_mm, scores = points_mm(result.detections.points, image.spacing_um), result.detections.scores
    return DetectionCase(image.path.name, domain, None, truth_mm, found_mm, scores, scores >= result.threshold)


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
        "average_precision": average_precision(group),
    }


if __name__ == "__main__":
    main()

"""How well a bundle types mitotic figures: the figures of its model card.

    python benchmarks/measure_classifier.py bundles/multitask_small --patches AMi-Br [--part test]

The patches are AMi-Br's: by default those of the 56 slides outside amibr_train_split.csv, on which nothing was trained
or chosen. Balanced accuracy, sensitivity, specificity and AUROC as the MIDOG 2025 evaluation counts them, with
intervals by bootstrap over slides, and of each domain; of each member alone; the calibration error; the time a patch.
Prints a table and writes BUNDLE/measured.json. Needs anaphase[cpu,train,evaluation].
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from algorithm.bundle import load_classification_bundle
from algorithm.classifier import Classifier, Types, decide
from evaluation.cases import ClassificationCase
from evaluation.classification import scores
from evaluation.classification_summary import ClassificationGroup, summarise
from training.data.ami_br import read_ami_br_patches
from training.data.figures import FigureSampler
from training.data.regions import at_resolution

MEASURES = ("balanced_accuracy", "sensitivity", "specificity", "roc_auc")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--patches", type=Path, required=True, help="AMi-Br's folder")
    parser.add_argument("--part", choices=("test", "train"), default="test")
    options = parser.parse_args()

    classifier = Classifier(load_classification_bundle(options.bundle))
    settings = classifier.bundle.manifest.input
    regions = [
        at_resolution(region, settings.resolution_um_px)
        for region in read_ami_br_patches(options.patches, options.part)
    ]
    sampler = FigureSampler([regions])
    patches = np.concatenate(list(sampler.patches(settings.patch_px)))
    classifier.classify(patches[:1])  # opened and warm
    start = time.perf_counter()
    types = classifier.classify(patches)
    seconds = time.perf_counter() - start
    measured = {
        "bundle": classifier.bundle.manifest.name,
        "version": classifier.bundle.manifest.version,
        "part": options.part,
        "device": classifier.device,
        "cores": os.cpu_count(),
        "milliseconds_a_patch": round(1000 * seconds / len(patches), 1),
        "members": _members(classifier, sampler, types),
        **_measured(sampler, types),
    }
    (options.bundle / "measured.json").write_text(json.dumps(measured, indent=1) + "\n")
    print(table(measured))


def _measured(sampler: FigureSampler, types: Types) -> dict[str, Any]:
    """Of the ensemble, slides being the cases."""
    slides = [f"{region.domain} {region.slide}" for region, _ in sampler.figures]
    domains = [region.domain for region, _ in sampler.figures]
    cases = []
    for slide in sorted(set(slides)):
        inside = np.array([each == slide for each in slides])
        of_slide = tuple(domain for domain, kept in zip(domains, inside.tolist(), strict=True) if kept)
        truth, answers = sampler.atypical[inside], types.atypical[inside]
        cases.append(ClassificationCase(slide, of_slide, truth, answers, types.confidences[inside]))
    summary = summarise(cases)
    return {
        "slides": len(cases),
        "figures": len(sampler),
        "atypical": int(sampler.atypical.sum()),
        **_group(summary.overall),
        "calibration_error": summary.calibration_error,
        "domains": {group.name: _group(group) for group in summary.domains},
    }


def _group(group: ClassificationGroup) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in MEASURES:
        found[name], found[f"{name}_interval"] = group.measures[name].value, group.measures[name].interval
    return found


def _members(classifier: Classifier, sampler: FigureSampler, types: Types) -> list[dict[str, Any]]:
    """Each alone."""
    postprocess = classifier.bundle.manifest.postprocess
    alone = [decide(column[:, None], postprocess) for column in types.member_probabilities.T]
    return [scores(sampler.atypical, each.atypical, each.confidences) for each in alone]


def table(measured: dict[str, Any]) -> str:
    """The figures as Markdown rows for the model card."""
    rows = ["| measure | value |", "|---|---|"]
    for name in MEASURES:
        low, high = measured[f"{name}_interval"]
        rows.append(f"| {name} | {measured[name]:.3f} (95 % interval {low:.3f} to {high:.3f}) |")
    alone = [member["balanced_accuracy"] for member in measured["members"]]
    rows.append(
        f"| balanced_accuracy of a member alone | {np.mean(alone):.3f} ({min(alone):.3f} to {max(alone):.3f}) |"
    )
    rows += [
        f"| balanced_accuracy of {domain} | {found['balanced_accuracy']:.3f} |"
        for domain, found in measured["domains"].items()
    ]
    rows.append(f"| calibration error | {measured['calibration_error']:.3f} |")
    rows.append(f"| milliseconds a patch, {measured['cores']} cores | {measured['milliseconds_a_patch']} |")
    counts = f"{measured['figures']} figures of {measured['slides']} slides, {measured['atypical']} of them atypical"
    return "\n".join([*rows, "", f"AMi-Br, part {measured['part']}: {counts}."])


if __name__ == "__main__":
    main()

"""`detect IMAGE... --output DIR`: a folder of results for every image."""

import argparse
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from algorithm import mixed
from algorithm.bundle import (
    find_bundle,
    find_detection_bundles,
    load_bundle,
    load_classification_bundle,
    load_second_stage,
)
from algorithm.cascade import type_figures
from algorithm.classifier import Classifier
from algorithm.commands.arguments import positive, probability, share
from algorithm.commands.console import counting_bar, introduction, progress_bars, say
from algorithm.commands.several import Answer, answer_each, prepare_folders
from algorithm.contract import require_extent
from algorithm.images import open_image
from algorithm.writers.folder import DETECTION_FILES
from algorithm.writers.outputs import write_outputs
from algorithm.writers.report import ClassificationRun, Run, findings


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("detect", help="find mitotic figures in regions of tissue")
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="TIFF, MHA, PNG or JPEG; 8-bit RGB")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="results go to DIR/<stem of IMAGE>/")
    parser.add_argument(
        "--bundle",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="folder of a model bundle; given several times, the bundles detect together",
    )
    parser.add_argument(
        "--second-stage",
        type=Path,
        metavar="PATH",
        help="folder of a bundle that judges crops: the second stage, in place of any that a bundle brings along",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the model runs")
    parser.add_argument("--overlap", type=share, metavar="X", help="overlap of tiles, from 0 to below 1")
    parser.add_argument("--threshold", type=probability, metavar="X", help="decision threshold, between 0 and 1")
    parser.add_argument("--spacing-um", type=positive, metavar="X", help="um per pixel, overrides what the file says")
    parser.add_argument("--classify", action="store_true", help="type every figure found as normal or atypical")
    parser.add_argument(
        "--classifier", type=Path, metavar="PATH", help="folder of a classification bundle; implies --classify"
    )
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Detect in every image; one that fails is reported and the others are done. Returns the exit code."""
    folders = prepare_folders(arguments.images, arguments.output, DETECTION_FILES)
    found = find_detection_bundles(arguments.bundle)
    bundles, chosen_by = [load_bundle(path) for path, _ in found], found[0].source
    if arguments.second_stage is not None:
        second_stage = load_second_stage(arguments.second_stage)
        bundles = [replace(bundle, second_stage=second_stage) for bundle in bundles]
    detector = mixed.load(bundles, arguments.device, arguments.overlap, arguments.threshold)
    typing = _typing(arguments) if arguments.classify or arguments.classifier else None
    this_run = Run(detector, chosen_by, arguments.device, typing)
    if not arguments.json:
        for part in detector.parts:
            say(introduction(part, chosen_by))
            if part.second_stage is not None:
                say(introduction(part.second_stage, "its second stage"))
        if typing is not None:
            say(introduction(typing.classifier, typing.bundle_chosen_by))

    def work(image: Path, folder: Path) -> Answer:
        return _detect(this_run, image, folder, arguments.spacing_um)

    return answer_each("image", arguments.images, folders, work, _sentence, arguments.json)


def _typing(arguments: argparse.Namespace) -> ClassificationRun:
    path, chosen_by = find_bundle(arguments.classifier, "classification")
    classifier = Classifier(load_classification_bundle(path), arguments.device)
    return ClassificationRun(classifier, chosen_by, arguments.device)


def _detect(this_run: Run, path: Path, folder: Path, spacing_um: float | None) -> Answer:
    started = datetime.now(UTC)
    with open_image(path, spacing_um) as image:
        require_extent(image.width, image.height, image.spacing_um)
        with progress_bars(path.name) as (tiles, judging):
            result = this_run.detector.detect(image, tiles, judging)
        if this_run.typing is not None:
            figures = int((result.detections.scores >= result.threshold).sum())
            with counting_bar(path.name, figures) as count:
                result = type_figures(image, result, this_run.typing.classifier, count)
        write_outputs(folder, this_run, image, result, started)
    return findings(result)


def _sentence(answer: Answer) -> str:
    density = answer["mitotic_figures_per_mm2"]
    rate = "no tissue" if density is None else f"{answer['tissue_mm2']:.3f} mm2 of tissue, {density:.1f} per mm2"
    return (
        f"{answer['image']}: {answer['mitotic_figures']} mitotic figures "
        f"({answer['non_mitotic_figures']} candidates below the threshold), {rate}{_types(answer)} "
        f"-> {answer['output']}"
    )


def _types(answer: Answer) -> str:
    """How many figures are atypical, where they were typed: a clause of the sentence."""
    if "typed" not in answer:
        return ""
    counts = f"; {answer['atypical']} of {answer['typed']} atypical"
    interval = answer["atypical_rate_interval_95"]
    if not isinstance(interval, list):
        return f"{counts} ({answer['atypical_rate_note']})"
    low, high = interval
    return f"{counts} ({answer['atypical_rate']:.0%}, 95 % interval {low:.0%} to {high:.0%})"

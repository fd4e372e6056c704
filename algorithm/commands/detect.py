"""`detect IMAGE... --output DIR`: a folder of results for every image."""

import argparse
import math
from datetime import UTC, datetime
from pathlib import Path

from algorithm import detectors
from algorithm.bundle import find_bundle, load_bundle
from algorithm.commands.console import UsageError, complain, progress_bar, say, say_json
from algorithm.contract import require_extent
from algorithm.errors import AlgorithmError
from algorithm.images import open_image
from algorithm.writers.folder import require_replaceable, require_writable
from algorithm.writers.outputs import write_outputs
from algorithm.writers.report import Run, findings

DONE, FAILED, SOME_FAILED = 0, 1, 3
SMALLEST = 1e-6
"""What counts as a positive number on the command line."""
Answer = dict[str, object]
"""What is known of one image: `image`, then `output` and the findings, or `error`."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("detect", help="find mitotic figures in regions of tissue")
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="TIFF, MHA, PNG or JPEG; 8-bit RGB")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="results go to DIR/<stem of IMAGE>/")
    parser.add_argument("--bundle", type=Path, metavar="PATH", help="folder of a model bundle")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the model runs")
    parser.add_argument("--overlap", type=_share, metavar="X", help="overlap of tiles, from 0 to below 1")
    parser.add_argument("--threshold", type=_probability, metavar="X", help="decision threshold, between 0 and 1")
    parser.add_argument("--spacing-um", type=_positive, metavar="X", help="um per pixel, overrides what the file says")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Detect in every image; one that fails is reported and the others are done. Returns the exit code."""
    folders = _folders(arguments.images, arguments.output)
    require_writable(arguments.output)
    for folder in folders:
        require_replaceable(folder)
    path, chosen_by = find_bundle(arguments.bundle, "detection")
    detector = detectors.load(load_bundle(path), arguments.device, arguments.overlap, arguments.threshold)
    this_run = Run(detector, chosen_by, arguments.device)
    if not arguments.json:
        say(_introduction(this_run))
    answers = []
    for image, folder in zip(arguments.images, folders, strict=True):
        answers.append(_attempt(this_run, image, folder, arguments.spacing_um))
        if "error" in answers[-1]:
            complain(f"error: {answers[-1]['error']}")
        elif not arguments.json:
            say(_sentence(answers[-1]))
    if arguments.json:
        say_json({"images": answers})
    failed = sum("error" in answer for answer in answers)
    if failed == 0:
        return DONE
    return FAILED if failed == len(answers) else SOME_FAILED


def _folders(images: list[Path], output: Path) -> list[Path]:
    """The folder of every image; UsageError where two images would share one."""
    owners: dict[str, Path] = {}
    for image in images:
        if image.stem in owners:
            both = f"{owners[image.stem]} and {image}"
            raise UsageError(f"{both} would both be written to {output / image.stem}: give them one after the other.")
        owners[image.stem] = image
    return [output / stem for stem in owners]


def _attempt(this_run: Run, image: Path, folder: Path, spacing_um: float | None) -> Answer:
    try:
        return {"image": str(image), "output": str(folder), **_detect(this_run, image, folder, spacing_um)}
    except AlgorithmError as error:
        return {"image": str(image), "error": str(error)}


def _detect(this_run: Run, path: Path, folder: Path, spacing_um: float | None) -> Answer:
    started = datetime.now(UTC)
    with open_image(path, spacing_um) as image:
        require_extent(image.width, image.height, image.spacing_um)
        with progress_bar(path.name) as progress:
            result = this_run.detector.detect(image, progress)
        write_outputs(folder, this_run, image, result, started)
    return findings(result)


def _introduction(this_run: Run) -> str:
    bundle, detector = this_run.detector.bundle, this_run.detector
    return (
        f"bundle {bundle.manifest.name} {bundle.manifest.version} ({this_run.bundle_chosen_by}: {bundle.path}), "
        f"device {detector.device} ({', '.join(detector.providers)})"
    )


def _sentence(answer: Answer) -> str:
    density = answer["mitotic_figures_per_mm2"]
    rate = "no tissue" if density is None else f"{answer['tissue_mm2']:.3f} mm2 of tissue, {density:.1f} per mm2"
    return (
        f"{answer['image']}: {answer['mitotic_figures']} mitotic figures "
        f"({answer['non_mitotic_figures']} candidates below the threshold), {rate} -> {answer['output']}"
    )


def _number(text: str, lowest: float, below: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not lowest <= value < below:
        raise argparse.ArgumentTypeError(f"{text} is no number from {lowest:g} to below {below:g}")
    return value


def _share(text: str) -> float:
    return _number(text, 0.0, 1.0)


def _probability(text: str) -> float:
    return _number(text, SMALLEST, 1.0)


def _positive(text: str) -> float:
    return _number(text, SMALLEST, math.inf)

"""`detect IMAGE... --output DIR`: a folder of results for every image."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from algorithm import detectors
from algorithm.bundle import find_bundle, load_bundle
from algorithm.commands.arguments import positive, probability, share
from algorithm.commands.console import introduction, progress_bar, say
from algorithm.commands.several import Answer, answer_each, prepare_folders
from algorithm.contract import require_extent
from algorithm.images import open_image
from algorithm.writers.folder import DETECTION_FILES
from algorithm.writers.outputs import write_outputs
from algorithm.writers.report import Run, findings


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("detect", help="find mitotic figures in regions of tissue")
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="TIFF, MHA, PNG or JPEG; 8-bit RGB")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="results go to DIR/<stem of IMAGE>/")
    parser.add_argument("--bundle", type=Path, metavar="PATH", help="folder of a model bundle")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the model runs")
    parser.add_argument("--overlap", type=share, metavar="X", help="overlap of tiles, from 0 to below 1")
    parser.add_argument("--threshold", type=probability, metavar="X", help="decision threshold, between 0 and 1")
    parser.add_argument("--spacing-um", type=positive, metavar="X", help="um per pixel, overrides what the file says")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Detect in every image; one that fails is reported and the others are done. Returns the exit code."""
    folders = prepare_folders(arguments.images, arguments.output, DETECTION_FILES)
    path, chosen_by = find_bundle(arguments.bundle, "detection")
    detector = detectors.load(load_bundle(path), arguments.device, arguments.overlap, arguments.threshold)
    this_run = Run(detector, chosen_by, arguments.device)
    if not arguments.json:
        say(introduction(detector, chosen_by))

    def work(image: Path, folder: Path) -> Answer:
        return _detect(this_run, image, folder, arguments.spacing_um)

    return answer_each("image", arguments.images, folders, work, _sentence, arguments.json)


def _detect(this_run: Run, path: Path, folder: Path, spacing_um: float | None) -> Answer:
    started = datetime.now(UTC)
    with open_image(path, spacing_um) as image:
        require_extent(image.width, image.height, image.spacing_um)
        with progress_bar(path.name) as progress:
            result = this_run.detector.detect(image, progress)
        write_outputs(folder, this_run, image, result, started)
    return findings(result)


def _sentence(answer: Answer) -> str:
    density = answer["mitotic_figures_per_mm2"]
    rate = "no tissue" if density is None else f"{answer['tissue_mm2']:.3f} mm2 of tissue, {density:.1f} per mm2"
    return (
        f"{answer['image']}: {answer['mitotic_figures']} mitotic figures "
        f"({answer['non_mitotic_figures']} candidates below the threshold), {rate} -> {answer['output']}"
    )

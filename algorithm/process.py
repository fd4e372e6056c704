"""The container's entry: `python -m algorithm.process [--input /input] [--output /output]`, one case a call.

Finds the case (MIDOG 2025: inputs.json; MIDOG 2022: the image alone), loads the bundle that it needs, detects in a
region or types the pages of a stack, and writes the socket's file.
Exit code 0, or 1 with one line on stderr and nothing left in the output folder.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from algorithm import mixed
from algorithm.bundle import (
    AnyBundle,
    FoundBundle,
    find_bundle,
    find_detection_bundles,
    load_bundle,
    load_classification_bundle,
)
from algorithm.case import find_case
from algorithm.classifier import Classifier
from algorithm.contract import (
    INPUT_FOLDER,
    OUTPUT_FOLDER,
    REGION_SOCKET,
    STACK_SOCKET,
    Socket,
    classes_document,
    points_document,
    require_extent,
    write_json_atomically,
)
from algorithm.errors import AlgorithmError
from algorithm.images import open_image
from algorithm.images.stack import open_stack
from algorithm.mixed import AnyDetector
from algorithm.patches import stack_patches
from algorithm.writers.folder import require_writable


def load_detector() -> AnyDetector:
    """The detector of the bundle or bundles in /opt/ml/model, else of the default one, on the best device there is."""
    found = find_detection_bundles([])
    detector = mixed.load([load_bundle(path) for path, _ in found], "auto")
    for each, part in zip(found, detector.parts, strict=True):
        _say(each, part.bundle, part.device)
        if part.second_stage is not None:
            second = part.second_stage
            _say(FoundBundle(second.bundle.path, "its second stage"), second.bundle, second.device)
    return detector


def load_classifier() -> Classifier:
    """The classifier of the bundle in /opt/ml/model, else of the default one, on the best device there is."""
    found = find_bundle(None, "classification")
    classifier = Classifier(load_classification_bundle(found.path), "auto")
    _say(found, classifier.bundle, classifier.device)
    return classifier


def _say(found: FoundBundle, bundle: AnyBundle, device: str) -> None:
    manifest = bundle.manifest
    print(f"bundle {manifest.name} {manifest.version} ({found.source}: {found.path}), device {device}", flush=True)


def run(input_folder: Path, output_folder: Path) -> Path:
    """Answer the case of the input folder and write its one file; returns the file's path.

    Raises AlgorithmError for whatever is wrong with the case, and has written nothing then.
    """
    case = find_case(input_folder)
    document, said = ANSWERS[case.socket](case.image)
    path = output_folder / case.socket.output_file
    write_json_atomically(path, document)
    print(f"{case.image}: {said} -> {path}", flush=True)
    return path


def detect(path: Path) -> tuple[object, str]:
    """What is found in a region: the platform's document, and how much it is in words."""
    detector = load_detector()
    with open_image(path) as image:
        require_extent(image.width, image.height, image.spacing_um)
        result = detector.detect(image)
        found = result.detections
        document = points_document(found.points, found.scores, result.threshold, image.spacing_um)
    return document, f"{len(found)} detections"


def classify(path: Path) -> tuple[object, str]:
    """What the figures of a stack are: the platform's document, and how many of them in words."""
    classifier = load_classifier()
    with open_stack(path) as stack:
        pages = stack_patches(stack, classifier.bundle.manifest.input)
        types = classifier.classify(patch for _, patch in pages)
    return classes_document(types.atypical, types.confidences), f"{types.atypical.sum()} atypical of {len(types)}"


ANSWERS: dict[Socket, Callable[[Path], tuple[object, str]]] = {REGION_SOCKET: detect, STACK_SOCKET: classify}
"""What answers a case, by its socket."""


def main(argv: Sequence[str] | None = None) -> int:
    """Process one case; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m algorithm.process", description="One case of MIDOG, track 1 or 2.")
    parser.add_argument("--input", type=Path, default=INPUT_FOLDER, metavar="DIR")
    parser.add_argument("--output", type=Path, default=OUTPUT_FOLDER, metavar="DIR")
    arguments = parser.parse_args(argv)
    try:
        require_writable(arguments.output)
        run(arguments.input, arguments.output)
    except AlgorithmError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

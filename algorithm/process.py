"""The container's entry: `python -m algorithm.process [--input /input] [--output /output]`, one case a call.

Finds the case (MIDOG 2025: inputs.json; MIDOG 2022: the image alone), detects, and writes the socket's file.
Exit code 0, or 1 with one line on stderr and nothing left in the output folder.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from algorithm import detectors
from algorithm.bundle import find_bundle, load_bundle
from algorithm.case import find_case
from algorithm.contract import INPUT_FOLDER, OUTPUT_FOLDER, points_document, require_extent, write_json_atomically
from algorithm.detectors import Detector
from algorithm.errors import AlgorithmError
from algorithm.images import open_image
from algorithm.writers.folder import require_writable


def load() -> Detector:
    """The detector of the bundle in /opt/ml/model, else of the default one, on the best device there is."""
    path, chosen_by = find_bundle(None, "detection")
    detector = detectors.load(load_bundle(path), "auto")
    manifest = detector.bundle.manifest
    print(f"bundle {manifest.name} {manifest.version} ({chosen_by}: {path}), device {detector.device}", flush=True)
    return detector


def run(detector: Detector, input_folder: Path, output_folder: Path) -> Path:
    """Detect in the case of the input folder and write its one file; returns the file's path.

    Raises AlgorithmError for whatever is wrong with the case, and has written nothing then.
    """
    case = find_case(input_folder)
    with open_image(case.image) as image:
        require_extent(image.width, image.height, image.spacing_um)
        result = detector.detect(image)
        detections = result.detections
        document = points_document(detections.points, detections.scores, result.threshold, image.spacing_um)
    path = output_folder / case.socket.output_file
    write_json_atomically(path, document)
    print(f"{case.image}: {len(detections)} detections -> {path}", flush=True)
    return path


def main(argv: Sequence[str] | None = None) -> int:
    """Process one case; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m algorithm.process", description="One case of MIDOG, track 1.")
    parser.add_argument("--input", type=Path, default=INPUT_FOLDER, metavar="DIR")
    parser.add_argument("--output", type=Path, default=OUTPUT_FOLDER, metavar="DIR")
    arguments = parser.parse_args(argv)
    try:
        require_writable(arguments.output)
        run(load(), arguments.input, arguments.output)
    except AlgorithmError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

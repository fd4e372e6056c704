"""All the files of one image, laid down together."""

import time
from datetime import datetime
from pathlib import Path

from algorithm.contract import MITOTIC_FIGURES_FILE, points_document, write_json_atomically
from algorithm.detectors import Result
from algorithm.images import Image
from algorithm.writers.detections_csv import detections_csv
from algorithm.writers.folder import CSV_FILE, GEOJSON_FILE, OVERLAY_FILE, RUN_FILE, replaced
from algorithm.writers.geojson import geojson_document
from algorithm.writers.overlay import draw_overlay
from algorithm.writers.report import Run, run_document

PNG_LEVEL = 3
"""Of compression, 1 to 9: quicker than the usual 6, for a file a little larger."""


def write_outputs(folder: Path, run: Run, image: Image, result: Result, started: datetime) -> None:
    """Write the folder's five files, all or none; earlier results in it are replaced.

    Raises AlgorithmError where the folder cannot be written, ContractError for a result the platform would refuse.
    """
    begun = time.perf_counter()
    detections, threshold, spacing_um = result.detections, result.threshold, image.spacing_um
    with replaced(folder) as partial:
        document = points_document(detections.points, detections.scores, threshold, spacing_um)
        write_json_atomically(partial / MITOTIC_FIGURES_FILE, document)
        collection = geojson_document(detections, threshold, spacing_um, image.path.name)
        write_json_atomically(partial / GEOJSON_FILE, collection, indent=None)
        (partial / CSV_FILE).write_text(detections_csv(detections, threshold, spacing_um))
        picture = draw_overlay(image, detections, threshold, result.tissue_mm2)
        picture.save(partial / OVERLAY_FILE, compress_level=PNG_LEVEL)
        seconds = {**result.seconds, "writing": time.perf_counter() - begun}
        write_json_atomically(partial / RUN_FILE, run_document(run, image, result, started, seconds))

"""What the platform lays before an evaluation: folders, file names, sockets and words. Its literals stand here alone.

algorithm/contract.py has the writer's side; a test holds the two together.
"""

from dataclasses import dataclass
from pathlib import Path

INPUT_FOLDER = Path("/input")
OUTPUT_FOLDER = Path("/output")
GROUND_TRUTH = Path("/opt/ml/input/data/ground_truth/ground_truth.json")
PREDICTIONS_FILE = "predictions.json"
METRICS_FILE = "metrics.json"

DOCUMENT_TYPE = "Multiple points"
MITOTIC_FIGURE = "mitotic figure"
NON_MITOTIC_FIGURE = "non-mitotic figure"
ROI_TYPES = ("hotspot", "challenging", "random")
ATYPICAL = "atypical"
NORMAL = "normal"

LOWEST_MM = -0.0075
"""The official evaluator rejects x or y below this (one matching radius outside the image)."""
HIGHEST_MM = 10.0
"""The official evaluator rejects x or y above this: it takes them for pixels."""


@dataclass(frozen=True)
class Track:
    """One of the challenge's tasks: the slug of the image that is given, the slug and file name of the answer."""

    number: int
    image_slug: str
    answer_slug: str
    answer_file: str


DETECTION = Track(1, "histopathology-region-of-interest-cropout", "mitotic-figures", "mitotic-figures.json")
CLASSIFICATION = Track(
    2,
    "stacked-histopathology-roi-cropouts",
    "multiple-mitotic-figure-classification",
    "multiple-mitotic-figure-classification.json",
)
TRACKS = (DETECTION, CLASSIFICATION)

"""detections.csv: one row a detection, for spreadsheets and statistics."""

import csv
import io

from algorithm.contract import class_name, point_name, points_mm, probabilities
from algorithm.detections import Detections


def detections_csv(detections: Detections, threshold: float, spacing_um: tuple[float, float]) -> str:
    """The table with its header; x and y in px at level 0 and in mm, name, probability, agreement, every member's own.

    Where a classifier has run, type and P(atypical) too, empty for what it has not typed.
    spacing_um: (x, y), um/px at level 0. ContractError for a score that is no probability.
    """
    scores = probabilities(detections.scores)
    places = points_mm(detections.points, spacing_um)
    agreement = detections.agreement(threshold)
    members = detections.member_scores.shape[1]
    header = ["x_px", "y_px", "x_mm", "y_mm", "name", "probability", "agreement"]
    header += [f"probability_member_{number}" for number in range(1, members + 1)]
    header += [] if detections.atypical is None else ["type", "probability_atypical"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for index, score in enumerate(scores.tolist()):
        row: list[object] = [f"{value:.3f}" for value in detections.points[index]]
        row += [f"{value:.7f}" for value in places[index]]
        row += [point_name(score, threshold), f"{score:.6f}", f"{agreement[index]:.6f}"]
        row += [f"{value:.6f}" for value in detections.member_scores[index]]
        writer.writerow(row + _type(detections, index))
    return text.getvalue()


def _type(detections: Detections, index: int) -> list[object]:
    """Class and P(atypical), empty for a detection that was not typed; no cells at all where none was."""
    if detections.atypical is None or detections.called_atypical is None:
        return []
    if not detections.typed[index]:
        return ["", ""]
    return [class_name(bool(detections.called_atypical[index])), f"{detections.atypical[index]:.6f}"]

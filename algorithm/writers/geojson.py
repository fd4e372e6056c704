"""detections.geojson, as QuPath opens it: one polygon a detection, in level-0 pixels."""

import uuid

import numpy as np

from algorithm.contract import class_name, point_name, probabilities
from algorithm.detections import Detections
from algorithm.writers.appearance import COLOURS, OUTLINE_RADIUS_UM

CORNERS = 24
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "anaphase.detections")


def geojson_document(
    detections: Detections, threshold: float, spacing_um: tuple[float, float], image_name: str
) -> dict[str, object]:
    """A GeoJSON FeatureCollection with a closed circle of 7.5 um radius around every detection.

    spacing_um: (x, y), um/px at level 0. The ids are made of the image's name and the detection's place: the same
    input gives the same bytes. ContractError for a score that is no probability.
    """
    scores, agreement = probabilities(detections.scores), detections.agreement(threshold)
    features = []
    for index, ((x, y), score) in enumerate(zip(detections.points.tolist(), scores.tolist(), strict=True)):
        name = point_name(score, threshold)
        feature = {
            "type": "Feature",
            "id": str(uuid.uuid5(NAMESPACE, f"{image_name}/{index}/{x!r}/{y!r}")),
            "geometry": {"type": "Polygon", "coordinates": [_circle(x, y, spacing_um)]},
            "properties": {
                "objectType": "detection",
                "classification": {"name": name.capitalize(), "color": list(COLOURS[name])},
                "measurements": _measurements(detections, index, score, float(agreement[index])),
                **_metadata(detections, index),
            },
        }
        features.append(feature)
    return {"type": "FeatureCollection", "features": features}


def _circle(x: float, y: float, spacing_um: tuple[float, float]) -> list[list[float]]:
    """A closed ring, (CORNERS + 1) pairs of x, y in px, the last equal to the first."""
    angles = np.arange(CORNERS) * (2.0 * np.pi / CORNERS)
    ring = np.column_stack((np.cos(angles), np.sin(angles))) * (OUTLINE_RADIUS_UM / np.asarray(spacing_um)) + (x, y)
    corners: list[list[float]] = np.round(ring, 2).tolist()
    return [*corners, corners[0]]


def _measurements(detections: Detections, index: int, score: float, agreement: float) -> dict[str, float]:
    members = [float(value) for value in detections.member_scores[index]]
    measurements = {"probability": score}
    if len(members) > 1:
        measurements |= {f"probability, member {number}": value for number, value in enumerate(members, start=1)}
        measurements["probability, standard deviation of members"] = float(np.std(members))
        measurements["agreement of members"] = agreement
    if detections.atypical is not None and detections.typed[index]:
        measurements["atypical probability"] = float(detections.atypical[index])
    return measurements


def _metadata(detections: Detections, index: int) -> dict[str, dict[str, str]]:
    """The type of a detection, as QuPath keeps what is no number; nothing for one that was not typed."""
    if detections.called_atypical is None or not detections.typed[index]:
        return {}
    return {"metadata": {"type": class_name(bool(detections.called_atypical[index]))}}

"""detections.geojson has the shape that QuPath imports."""

import json
import uuid
from typing import Any

import numpy as np
import pytest

from algorithm.detections import Detections
from algorithm.writers.geojson import geojson_document

SPACING = (0.25, 0.5)


def features(detections: Detections, threshold: float = 0.5) -> list[Any]:
    collection = geojson_document(detections, threshold, SPACING, "region.tiff")
    document: Any = json.loads(json.dumps(collection, allow_nan=False))
    assert document["type"] == "FeatureCollection"
    return list(document["features"])


def test_every_detection_is_a_closed_ring_around_its_place_in_level0_pixels(detections: Detections) -> None:
    for feature, place in zip(features(detections), detections.points, strict=True):
        assert feature["type"] == "Feature"
        assert feature["geometry"]["type"] == "Polygon"
        (ring,) = feature["geometry"]["coordinates"]
        assert ring[0] == ring[-1]
        corners = np.array(ring[:-1])
        np.testing.assert_allclose(corners.mean(axis=0), place, atol=0.01)
        np.testing.assert_allclose(np.linalg.norm((corners - place) * SPACING, axis=1), 7.5, atol=0.01)


def test_classes_have_a_name_and_a_colour(detections: Detections) -> None:
    candidate, figure = (feature["properties"] for feature in features(detections))
    assert figure["objectType"] == candidate["objectType"] == "detection"
    assert figure["classification"]["name"] == "Mitotic figure"
    assert candidate["classification"]["name"] == "Non-mitotic figure"
    for properties in (figure, candidate):
        colour = properties["classification"]["color"]
        assert len(colour) == 3
        assert all(isinstance(value, int) and 0 <= value <= 255 for value in colour)


def test_measurements_are_the_probabilities_of_the_ensemble_and_its_members(detections: Detections) -> None:
    assert features(detections)[1]["properties"]["measurements"] == {
        "probability": 0.9,
        "probability, member 1": 0.8,
        "probability, member 2": 1.0,
        "probability, standard deviation of members": pytest.approx(0.1),
        "agreement of members": 1.0,
    }
    candidate = features(detections, threshold=0.25)[0]["properties"]
    assert candidate["measurements"]["agreement of members"] == 0.5


def test_a_single_member_is_not_repeated_and_atypia_is_given_where_known() -> None:
    points, scores = np.array([[1.0, 1.0], [1.0, 2.0]]), np.array([0.7, 0.2])
    typed = Detections(points, scores, scores[:, None], np.array([0.25, np.nan]), np.array([False, False]))
    figure, candidate = (feature["properties"] for feature in features(typed))
    assert figure["measurements"] == {"probability": 0.7, "atypical probability": 0.25}
    assert figure["metadata"] == {"type": "normal"}
    assert candidate["measurements"] == {"probability": 0.2}
    assert "metadata" not in candidate


def test_ids_are_uuids_unlike_each_other_and_the_same_every_time() -> None:
    twins = Detections(np.zeros((3, 2)), np.full(3, 0.6), np.full((3, 1), 0.6))
    ids = [feature["id"] for feature in features(twins)]
    assert len({uuid.UUID(text) for text in ids}) == 3
    assert [feature["id"] for feature in features(twins)] == ids
    other: Any = geojson_document(twins, 0.5, SPACING, "other.tiff")["features"]
    assert other[0]["id"] not in ids


def test_no_detections_make_an_empty_collection() -> None:
    assert features(Detections.empty(1)) == []

"""detections.csv reads back as what was detected."""

import csv
import io

import numpy as np
import pytest

from algorithm.detections import Detections
from algorithm.writers.detections_csv import detections_csv


def test_the_table_reads_back(detections: Detections) -> None:
    rows = list(csv.DictReader(io.StringIO(detections_csv(detections, 0.5, (0.25, 0.5)))))
    assert [row["name"] for row in rows] == ["non-mitotic figure", "mitotic figure"]
    places = [[float(row["x_px"]), float(row["y_px"])] for row in rows]
    np.testing.assert_array_equal(places, detections.points)
    places_mm = [[float(row["x_mm"]), float(row["y_mm"])] for row in rows]
    np.testing.assert_allclose(places_mm, [[0.01, 0.015], [0.15, 0.05]], atol=1e-7)
    np.testing.assert_array_equal([float(row["probability"]) for row in rows], detections.scores)
    np.testing.assert_array_equal([float(row["probability_member_2"]) for row in rows], [0.3, 1.0])


@pytest.mark.parametrize(("threshold", "agreement"), [(0.5, [0.0, 1.0]), (0.25, [0.5, 1.0]), (0.95, [0.0, 0.5])])
def test_agreement_is_at_the_threshold_in_force(
    detections: Detections, threshold: float, agreement: list[float]
) -> None:
    rows = csv.DictReader(io.StringIO(detections_csv(detections, threshold, (0.25, 0.25))))
    assert [float(row["agreement"]) for row in rows] == agreement


def test_atypia_is_a_column_where_known() -> None:
    typed = Detections(
        np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]]),
        np.array([0.7, 0.2, 0.9]),
        np.array([[0.7], [0.2], [0.9]]),
        np.array([0.25, np.nan, 0.625]),
        np.array([False, False, True]),
    )
    header, *rows, end = detections_csv(typed, 0.5, (0.25, 0.25)).split("\n")
    assert header.endswith(",agreement,probability_member_1,type,probability_atypical")
    assert [row.split(",", 7)[7] for row in rows] == [
        "0.700000,normal,0.250000",
        "0.200000,,",
        "0.900000,atypical,0.625000",
    ]
    assert end == ""


def test_no_detections_leave_the_header() -> None:
    assert detections_csv(Detections.empty(1), 0.5, (0.25, 0.25)).count("\n") == 1

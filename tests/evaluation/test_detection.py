"""The document of track 1: its keys, its groups, and what is undefined; the official figures are in test_golden.py."""

from typing import Any

import pytest

from evaluation.cases import DetectionCase
from evaluation.detection import document, score
from evaluation.matching import RADIUS_MM
from tests.evaluation.lines import case

MEASURES = ("precision", "recall", "f1", "AP", "froc_auc")
OVERALL = ["precision", "recall", "f1_score", "froc_auc", "AP"]


def aggregates(*cases: DetectionCase) -> Any:
    return document([score(each) for each in cases])["aggregates"]


def test_the_keys_are_the_official_ones_in_a_fixed_order() -> None:
    found = aggregates(case((0.1,), domain="10"), case(domain="2", name="b.tiff"), case(domain="x", name="c.tiff"))
    groups = ["tumor_2", "tumor_10", "tumor_x", "roi_type_hotspot", "roi_type_challenging", "roi_type_random"]
    assert list(found) == OVERALL + [f"{group}_{measure}" for group in groups for measure in MEASURES]


def test_perfect_detection() -> None:
    found = aggregates(case((0.1, 0.2), ((0.1, 0.9), (0.2, 0.9))))
    assert found["f1_score"] == 1
    assert found["precision"] == found["recall"] == pytest.approx(2 / (2 + 1e-6), abs=1e-15)
    assert found["AP"] == 1
    assert found["froc_auc"] == pytest.approx(7.99999, abs=1e-5)


def test_counts_are_summed_over_cases() -> None:
    """Not a mean of the images' figures: 3 found, 1 false, 2 missed."""
    found = aggregates(
        case((0.1, 0.2, 0.3), ((0.1, 0.9), (0.2, 0.9), (0.3, 0.9))),
        case((0.1, 0.2), ((0.5, 0.9),), name="b.tiff"),
    )
    assert found["precision"] == pytest.approx(3 / 4, abs=1e-6)
    assert found["recall"] == pytest.approx(3 / 5, abs=1e-6)
    assert found["f1_score"] == pytest.approx(6 / 9, abs=1e-6)


def test_groups_hold_their_own_cases() -> None:
    found = aggregates(
        case((0.1,), ((0.1, 0.9),), domain="0", roi_type="random"),
        case((0.1,), ((0.5, 0.9),), domain="1", roi_type="random", name="b.tiff"),
    )
    assert (found["tumor_0_f1"], found["tumor_0_AP"]) == (1, 1)
    assert found["tumor_1_f1"] == pytest.approx(0, abs=1e-5)
    assert found["roi_type_random_f1"] == pytest.approx(0.5, abs=1e-5)


def test_points_that_are_not_named_figures_count_for_ap_and_froc_alone() -> None:
    found = aggregates(case((0.1,), ((0.1, 0.3),), named=(False,)))
    assert found["recall"] == 0
    assert found["AP"] == 1
    assert found["froc_auc"] > 7.9


def test_a_group_without_figures_and_detections_is_undefined() -> None:
    found = aggregates(case(domain="3"))
    assert [found[key] for key in OVERALL] == [None] * 5
    assert [found[f"tumor_3_{measure}"] for measure in MEASURES] == [None] * 5
    assert [found[f"roi_type_random_{measure}"] for measure in MEASURES] == [None] * 5


def test_no_figures_but_detections() -> None:
    found = aggregates(case((), ((0.1, 0.9),)))
    assert (found["precision"], found["recall"], found["AP"], found["froc_auc"]) == (0, 0, None, 0)
    assert found["f1_score"] == pytest.approx(1e-6)


def test_figures_but_no_detections() -> None:
    found = aggregates(case((0.1,)))
    assert (found["precision"], found["recall"], found["AP"], found["froc_auc"]) == (0, 0, 0, None)


def test_a_case_of_unknown_kind_counts_overall_alone() -> None:
    found = aggregates(case((0.1,), ((0.1, 0.9),), roi_type=None))
    assert found["f1_score"] == 1
    assert found["roi_type_hotspot_f1"] is None


def test_the_radius_is_inclusive() -> None:
    assert aggregates(case((0.0,), ((RADIUS_MM, 0.9),)))["f1_score"] == 1


def test_results_are_as_the_official_file_has_them() -> None:
    answered = case((0.1, 0.4), ((0.1, 0.9), (0.3, 0.25)), named=(True, False), domain="7", roi_type="random")
    assert document([score(answered)])["results"] == [
        {
            "image": "a.tiff",
            "gt": [],
            "tumor_domain": 7,
            "pred": [[0.1, 0.0, 0.0, 1, 0.9], [0.3, 0.0, 0.0, 0, 0.25]],
            "metrics": {"true_positives": 1, "false_negatives": 1, "false_positives": 0},
            "roi_type": "random",
        }
    ]

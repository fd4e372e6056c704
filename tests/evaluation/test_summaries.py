"""What people are told is what the challenge computes; the rest follows from it."""

import dataclasses

import numpy as np
import pytest

from evaluation import classification, classification_summary, detection, detection_summary, froc
from evaluation.cases import ClassificationCase, DetectionCase
from evaluation.matching import MATCHINGS, Counts
from evaluation.weighted import froc_area


def region(rng: np.random.Generator, number: int, skill: float = 1.0) -> DetectionCase:
    truth = rng.uniform(0, 0.2, (rng.poisson(6), 2))
    points = np.vstack([truth + rng.normal(0, 0.003, truth.shape), rng.uniform(0, 0.2, (rng.poisson(10), 2))])
    scores = 1 / (1 + np.exp(-rng.normal(np.where(np.arange(len(points)) < len(truth), skill, -skill), 1)))
    kind = ("hotspot", "random", None)[number % 3]
    return DetectionCase(f"{number}.tiff", str(number % 3), kind, truth, points, scores, scores >= 0.5)


def regions(skill: float = 1.0, cases: int = 24) -> list[detection.ScoredCase]:
    rng = np.random.default_rng(0)
    return [detection.score(region(rng, number, skill)) for number in range(cases)]


def stack(rng: np.random.Generator, number: int, skill: float = 1.0) -> ClassificationCase:
    truth = rng.random(12) < 0.3
    confidences = 1 / (1 + np.exp(-rng.normal(np.where(truth, skill, -skill), 1)))
    domains = tuple(str((number + i // 6) % 3) for i in range(12))
    return ClassificationCase(f"{number}.tiff", domains, truth, confidences >= 0.5, confidences)


def stacks(skill: float = 1.0, cases: int = 24) -> list[ClassificationCase]:
    rng = np.random.default_rng(0)
    return [stack(rng, number, skill) for number in range(cases)]


def test_detection_figures_are_the_challenges() -> None:
    scored = regions()
    summary = detection_summary.summarise(scored, "greedy")
    groups = [
        (summary.overall, scored),
        *[(g, [each for each in scored if each.case.domain == g.name]) for g in summary.domains],
        *[(g, [each for each in scored if each.case.roi_type == g.name]) for g in summary.roi_types],
    ]
    assert [group.name for group, _ in groups] == ["all", "0", "1", "2", "hotspot", "random"]
    for group, cases in groups:
        official = dataclasses.asdict(detection.scores(cases))
        assert {name: estimate.value for name, estimate in group.measures.items()} == pytest.approx(official, abs=1e-12)
        for name in ("f1", "precision", "recall", "froc_auc"):
            low, high = group.measures[name].interval or (1, 0)
            assert low < official[name] < high


def test_the_area_of_a_draw_is_that_of_its_cases() -> None:
    """Each case once or twice; the thresholds stay those of all cases, which these draws share."""
    images = [each.steps for each in regions(cases=8)]
    lowest = min(range(8), key=lambda k: images[k].levels[0])
    highest = max(range(8), key=lambda k: images[k].levels[-1])
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 3, (20, 8)).astype(float)
    weights[:, [lowest, highest]] = 1
    for area, row in zip(froc_area(images)(weights), weights, strict=True):
        curve = froc.curve([image for image, times in zip(images, row, strict=True) for _ in range(int(times))])
        assert curve is not None
        assert area == pytest.approx(curve.area, abs=1e-3)  # points of equally many false positives sort unlike


def test_the_best_threshold_is_at_least_as_good_as_the_answers() -> None:
    summary = detection_summary.summarise(regions(), "greedy")
    assert summary.best is not None
    assert summary.best.counts.f1 >= summary.overall.counts.f1
    assert summary.lowest_named is not None
    assert summary.lowest_named >= 0.5


def test_cases_stand_by_their_errors() -> None:
    cases = detection_summary.summarise(regions(), "greedy").cases
    assert [case.errors for case in cases] == sorted((case.errors for case in cases), reverse=True)
    assert (
        sum((case.counts for case in cases), Counts())
        == detection_summary.summarise(regions(), "greedy").overall.counts
    )


@pytest.mark.parametrize("matching", MATCHINGS)
def test_cases_that_the_two_matchings_count_unlike_are_named(matching: str) -> None:
    line = [np.array([(x, 0.0) for x in xs]) for xs in ((0, 0.004), (0.003, -0.005))]
    ones = np.ones(2)
    cases = [
        DetectionCase("unlike.tiff", "1", None, line[0], line[1], ones, ones > 0),
        DetectionCase("alike.tiff", "1", None, line[0][::-1], line[1], ones, ones > 0),
    ]
    summary = detection_summary.summarise([detection.score(case, MATCHINGS[matching]) for case in cases], matching)
    assert summary.matched_otherwise == ["unlike.tiff"]
    assert summary.overall.counts.true_positives == (3 if matching == "greedy" else 4)
    assert summary.curve[-1].counts == summary.overall.counts


def test_nothing_found_and_nothing_to_find() -> None:
    nothing = np.empty((0, 2))
    case = DetectionCase("a.tiff", "1", None, nothing, nothing, nothing[:, 0], nothing[:, 0] > 0)
    summary = detection_summary.summarise([detection.score(case)] * 3, "greedy")
    assert {estimate.value for estimate in summary.overall.measures.values()} == {None}
    assert (summary.best, summary.froc, summary.curve, summary.lowest_named) == (None, None, [], None)


def test_false_alarms_alone_have_no_best_threshold() -> None:
    points = np.array([[0.1, 0.1]])
    case = DetectionCase("a.tiff", "1", None, np.empty((0, 2)), points, np.array([0.9]), np.array([True]))
    summary = detection_summary.summarise([detection.score(case)], "greedy")
    assert len(summary.curve) == 1
    assert summary.best is None


def test_two_detectors_are_compared() -> None:
    better, worse = regions(2.0), regions(0.5)
    summary = detection_summary.summarise(better, "greedy", worse)
    assert summary.against is not None
    assert summary.against.differences.keys() == {"f1", "precision", "recall", "froc_auc"}
    for name, comparison in summary.against.differences.items():
        values = summary.overall.measures[name].value, summary.against.measures[name].value
        assert comparison.difference == pytest.approx(values[0] - values[1])
        assert comparison.p_value is not None
        assert comparison.p_value < 0.01
    same = detection_summary.summarise(better, "greedy", better).against
    assert same is not None
    assert {comparison.p_value for comparison in same.differences.values()} == {1}


def test_classification_figures_are_the_challenges() -> None:
    cases = stacks()
    summary = classification_summary.summarise(cases)
    truth, answers = (np.concatenate([getattr(case, name) for case in cases]) for name in ("truth", "answers"))
    confidences = np.concatenate([case.confidences for case in cases])
    domains = np.concatenate([case.domains for case in cases])
    assert [group.name for group in summary.domains] == ["0", "1", "2"]
    for group in [summary.overall, *summary.domains]:
        inside = domains == group.name if group.name != "all" else truth | True
        official = classification.scores(truth[inside], answers[inside], confidences[inside])
        assert {name: estimate.value for name, estimate in group.measures.items()} == pytest.approx(official, abs=1e-12)
        assert group.crops == inside.sum()
        for name, value in official.items():
            low, high = group.measures[name].interval or (1, 0)
            assert low < value < high


def test_a_case_counts_in_each_domain_of_its_crops() -> None:
    summary = classification_summary.summarise(stacks(cases=3))
    assert [group.cases for group in summary.domains] == [2, 2, 2]
    assert sorted(case.domains for case in summary.cases) == [("0", "1"), ("0", "2"), ("1", "2")]


def test_two_classifiers_are_compared_whatever_their_scale() -> None:
    """Swapped cases mix the two systems' confidences: a scale of its own must not set one of them apart."""
    cases, worse = stacks(1.0), stacks(0.7)
    narrow = [dataclasses.replace(case, confidences=case.confidences / 1000) for case in worse]
    one, other = (classification_summary.summarise(cases, against).against for against in (worse, narrow))
    assert one is not None
    assert other is not None
    assert one.differences == other.differences
    same = classification_summary.summarise(cases, cases).against
    assert same is not None
    assert {comparison.p_value for comparison in same.differences.values()} == {1}
    assert one.differences["roc_auc"].p_value is not None
    assert one.differences["roc_auc"].p_value < 0.05


def test_a_class_that_is_missing() -> None:
    cases = [dataclasses.replace(case, truth=case.truth & False) for case in stacks(cases=4)]
    summary = classification_summary.summarise(cases)
    undefined = [name for name, estimate in summary.overall.measures.items() if estimate.value is None]
    assert undefined == ["balanced_accuracy", "sensitivity", "roc_auc"]
    assert summary.roc is None


def test_confidences_that_are_no_probabilities_have_no_reliability() -> None:
    cases = [dataclasses.replace(case, confidences=case.confidences * 2) for case in stacks(cases=4)]
    summary = classification_summary.summarise(cases)
    assert (summary.bins, summary.calibration_error) == (None, None)
    assert summary.overall.measures["roc_auc"].value is not None

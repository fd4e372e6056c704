"""The scores of track 1, detection, under the names they have on the challenge's leaderboard.

Source: MIDOG25_T1_evaluation_docker, evaluate.py. What is undefined there is None here: NaN, an average precision of
-1, and precision, recall and F1 of a group that has neither figures nor detections named as such.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation import froc
from evaluation.average_precision import average_precision
from evaluation.cases import DetectionCase
from evaluation.contract import ROI_TYPES
from evaluation.domains import as_number, in_order
from evaluation.matching import Counts, Matching, match

Document = dict[str, object]


@dataclass(frozen=True, eq=False)
class ScoredCase:
    """A case with all that needs matching: its counts at the decision threshold, and how they change with it."""

    case: DetectionCase
    counts: Counts
    steps: froc.Steps


@dataclass(frozen=True)
class Scores:
    """The figures of a group of cases; None where one is undefined."""

    precision: float | None
    recall: float | None
    f1: float | None
    froc_auc: float | None
    average_precision: float | None


def score(case: DetectionCase, matching: Matching = match) -> ScoredCase:
    """Match a case; what comes of it serves every group that the case is in."""
    return ScoredCase(case, matching(case.truth_mm, case.points_mm[case.figures]), froc.steps(case, matching))


def scores(group: Sequence[ScoredCase]) -> Scores:
    """The figures of a group: counts are summed over its cases, points are pooled."""
    counts = sum((scored.counts for scored in group), Counts())
    defined = counts != Counts()
    curve = froc.curve([scored.steps for scored in group])
    return Scores(
        precision=counts.precision if defined else None,
        recall=counts.recall if defined else None,
        f1=counts.f1 if defined else None,
        froc_auc=curve.area if curve else None,
        average_precision=average_precision([scored.case for scored in group]),
    )


def document(cases: Sequence[ScoredCase]) -> Document:
    """The content of metrics.json: aggregates over all cases, per tumour domain and per kind of region; results."""
    overall = scores(cases)
    aggregates: Document = {
        "precision": overall.precision,
        "recall": overall.recall,
        "f1_score": overall.f1,
        "froc_auc": overall.froc_auc,
        "AP": overall.average_precision,
    }
    for domain in in_order({scored.case.domain for scored in cases}):
        aggregates |= _named(f"tumor_{domain}", [scored for scored in cases if scored.case.domain == domain])
    for roi_type in ROI_TYPES:
        aggregates |= _named(f"roi_type_{roi_type}", [scored for scored in cases if scored.case.roi_type == roi_type])
    return {"results": [_result(scored) for scored in cases], "aggregates": aggregates}


def _named(prefix: str, group: Sequence[ScoredCase]) -> Document:
    figures = scores(group)
    return {
        f"{prefix}_precision": figures.precision,
        f"{prefix}_recall": figures.recall,
        f"{prefix}_f1": figures.f1,
        f"{prefix}_AP": figures.average_precision,
        f"{prefix}_froc_auc": figures.froc_auc,
    }


def _result(scored: ScoredCase) -> Document:
    """One image's entry: its points as x, y, z, class, probability; `gt` is emptied, as it is officially."""
    case, counts = scored.case, scored.counts
    rows = zip(case.points_mm.tolist(), case.figures.tolist(), case.scores.tolist(), strict=True)
    return {
        "image": case.name,
        "gt": [],
        "tumor_domain": as_number(case.domain),
        "pred": [[x, y, 0.0, int(figure), probability] for (x, y), figure, probability in rows],
        "metrics": {
            "true_positives": counts.true_positives,
            "false_negatives": counts.false_negatives,
            "false_positives": counts.false_positives,
        },
        "roi_type": case.roi_type,
    }

"""What a person is told of a detector's results: the challenge's figures with intervals, curves, cases by error."""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation import froc
from evaluation.average_precision import average_precision
from evaluation.bootstrap import Estimate, Statistic, estimate
from evaluation.cases import DetectionCase, Floats
from evaluation.comparison import Comparison, compare
from evaluation.detection import ScoredCase
from evaluation.domains import in_order
from evaluation.matching import MATCHINGS, Counts, match, match_optimal
from evaluation.thresholds import OperatingPoint, best_point, operating_points, thinned
from evaluation.weighted import DETECTION_RATES, detection_rate, froc_area

Measures = dict[str, Estimate]


@dataclass(frozen=True)
class DetectionGroup:
    """Some cases taken together. measures: f1, precision, recall, froc_auc, with intervals, and average_precision."""

    name: str
    cases: int
    mitotic_figures: int
    counts: Counts
    measures: Measures


@dataclass(frozen=True)
class CaseErrors:
    """What went wrong in a case, at the decision that the results carry."""

    name: str
    domain: str
    counts: Counts

    @property
    def errors(self) -> int:
        return self.counts.false_positives + self.counts.false_negatives


@dataclass(frozen=True, eq=False)
class OtherDetector:
    """Another system on the same cases. differences: of each measure, the first system's less this one's."""

    measures: Measures
    curve: list[OperatingPoint]
    froc: froc.Curve | None
    differences: dict[str, Comparison]


@dataclass(frozen=True, eq=False)
class DetectionSummary:
    """The results of one system, and how it compares with another's where there is one.

    curve: points at rising thresholds, enough to draw; best: of all points, on these very cases, None where none finds
    a figure. lowest_named: the lowest probability of a detection named "mitotic figure". cases: most errors first.
    matched_otherwise: names of the cases in which greedy and optimal matching count differently.
    """

    matching: str
    overall: DetectionGroup
    domains: list[DetectionGroup]
    roi_types: list[DetectionGroup]
    curve: list[OperatingPoint]
    best: OperatingPoint | None
    lowest_named: float | None
    froc: froc.Curve | None
    cases: list[CaseErrors]
    matched_otherwise: list[str]
    against: OtherDetector | None


def summarise(
    scored: Sequence[ScoredCase], matching: str, against: Sequence[ScoredCase] | None = None
) -> DetectionSummary:
    """Sum up cases that were scored with one of MATCHINGS; `against` has the same cases of another system."""
    images = [each.steps for each in scored]
    curve = operating_points(images)
    best = best_point(curve) if curve else None
    named = [float(each.case.scores[each.case.figures].min()) for each in scored if each.case.figures.any()]
    errors = [CaseErrors(each.case.name, each.case.domain, each.counts) for each in scored]
    roi_types = {each.case.roi_type for each in scored if each.case.roi_type is not None}
    return DetectionSummary(
        matching=matching,
        overall=_group("all", scored),
        domains=[
            _group(domain, [each for each in scored if each.case.domain == domain])
            for domain in in_order({each.case.domain for each in scored})
        ],
        roi_types=[_group(kind, [each for each in scored if each.case.roi_type == kind]) for kind in sorted(roi_types)],
        curve=thinned(curve),
        best=best if best is not None and best.counts.true_positives else None,
        lowest_named=min(named, default=None),
        froc=froc.curve(images),
        cases=sorted(errors, key=lambda case: (-case.errors, case.name)),
        matched_otherwise=[each.case.name for each in scored if _matched_otherwise(each, matching)],
        against=None if against is None else _other(scored, against),
    )


def _group(name: str, scored: Sequence[ScoredCase]) -> DetectionGroup:
    measures = {name: estimate(statistic, len(scored)) for name, statistic in _statistics(scored).items()}
    if froc.curve([each.steps for each in scored]) is None:
        measures["froc_auc"] = Estimate(None, None)
    return DetectionGroup(
        name=name,
        cases=len(scored),
        mitotic_figures=sum(len(each.case.truth_mm) for each in scored),
        counts=sum((each.counts for each in scored), Counts()),
        measures={**measures, "average_precision": Estimate(average_precision([each.case for each in scored]), None)},
    )


def _other(scored: Sequence[ScoredCase], against: Sequence[ScoredCase]) -> OtherDetector:
    images = [each.steps for each in against]
    return OtherDetector(
        measures=_group("all", against).measures,
        curve=thinned(operating_points(images)),
        froc=froc.curve(images),
        differences={name: compare(statistic, len(scored)) for name, statistic in _statistics(scored, against).items()},
    )


def _statistics(*systems: Sequence[ScoredCase]) -> dict[str, Statistic]:
    """F1, precision, recall and the FROC area of the systems' cases, one system after the other."""
    counts = [each.counts for scored in systems for each in scored]
    rates = {name: detection_rate(counts, name) for name in DETECTION_RATES}
    return {**rates, "froc_auc": froc_area(*[[each.steps for each in scored] for scored in systems])}


def _matched_otherwise(scored: ScoredCase, matching: str) -> bool:
    other = match if MATCHINGS[matching] is match_optimal else match_optimal
    return other(*_named(scored.case)) != scored.counts


def _named(case: DetectionCase) -> tuple[Floats, Floats]:
    return case.truth_mm, case.points_mm[case.figures]

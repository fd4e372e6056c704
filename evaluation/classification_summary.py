"""What a person is told of a classifier's results: the challenge's figures with intervals, curves, cases by error."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_curve

from evaluation.bootstrap import Estimate, Statistic, estimate
from evaluation.calibration import ReliabilityBin, expected_calibration_error, reliability
from evaluation.cases import ClassificationCase, Flags, Floats
from evaluation.classification import confusion
from evaluation.comparison import Comparison, compare
from evaluation.domains import in_order
from evaluation.ranking import roc_auc_statistic, standing
from evaluation.weighted import CLASSIFICATION_RATES, classification_rate


@dataclass(frozen=True)
class Confusion:
    """Crops by truth and answer; atypical is the positive class."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int


@dataclass(frozen=True)
class ClassificationGroup:
    """Some crops taken together, with the number of cases (stacks) they are from."""

    name: str
    cases: int
    crops: int
    confusion: Confusion
    measures: dict[str, Estimate]


@dataclass(frozen=True)
class CaseErrors:
    """What was called wrongly in a case. domains: those of its crops."""

    name: str
    domains: tuple[str, ...]
    crops: int
    confusion: Confusion

    @property
    def errors(self) -> int:
        return self.confusion.false_positives + self.confusion.false_negatives


@dataclass(frozen=True, eq=False)
class OtherClassifier:
    """Another system on the same cases. differences: of each measure, the first system's less this one's."""

    measures: dict[str, Estimate]
    roc: tuple[Floats, Floats] | None
    differences: dict[str, Comparison]


@dataclass(frozen=True, eq=False)
class ClassificationSummary:
    """The results of one system, and how it compares with another's where there is one.

    roc: false and true positive rates (K,), None where a class is missing. bins and calibration_error: of P(atypical),
    None where a confidence lies outside 0 to 1. cases: most errors first.
    """

    overall: ClassificationGroup
    domains: list[ClassificationGroup]
    roc: tuple[Floats, Floats] | None
    bins: list[ReliabilityBin] | None
    calibration_error: float | None
    cases: list[CaseErrors]
    against: OtherClassifier | None


def summarise(
    cases: Sequence[ClassificationCase], against: Sequence[ClassificationCase] | None = None
) -> ClassificationSummary:
    """Sum up cases; `against` has the same cases with another system's answers."""
    truth, confidences = _pooled(cases)
    probable = bool(((confidences >= 0) & (confidences <= 1)).all())
    bins = reliability(truth, confidences) if probable else None
    errors = [
        CaseErrors(c.name, tuple(in_order(set(c.domains))), len(c.truth), Confusion(*confusion(c.truth, c.answers)))
        for c in cases
    ]
    return ClassificationSummary(
        overall=_group("all", cases),
        domains=[
            _group(domain, [_inside(case, domain) for case in cases if domain in case.domains])
            for domain in in_order({domain for case in cases for domain in case.domains})
        ],
        roc=_roc(cases),
        bins=bins,
        calibration_error=expected_calibration_error(bins) if bins else None,
        cases=sorted(errors, key=lambda case: (-case.errors, case.name)),
        against=None if against is None else _other(cases, against),
    )


def _inside(case: ClassificationCase, domain: str) -> ClassificationCase:
    """The crops of a case that are of one domain."""
    kept = np.array([each == domain for each in case.domains])
    return ClassificationCase(
        case.name, (domain,) * int(kept.sum()), case.truth[kept], case.answers[kept], case.confidences[kept]
    )


def _group(name: str, cases: Sequence[ClassificationCase]) -> ClassificationGroup:
    sums = np.array([confusion(case.truth, case.answers) for case in cases]).sum(axis=0).tolist()
    return ClassificationGroup(
        name=name,
        cases=len(cases),
        crops=sum(len(case.truth) for case in cases),
        confusion=Confusion(*sums),
        measures={name: estimate(statistic, len(cases)) for name, statistic in _statistics(cases).items()},
    )


def _roc(cases: Sequence[ClassificationCase]) -> tuple[Floats, Floats] | None:
    truth, confidences = _pooled(cases)
    if truth.all() or not truth.any():
        return None
    false_positive_rates, true_positive_rates, _ = roc_curve(truth, confidences)
    return false_positive_rates, true_positive_rates


def _other(cases: Sequence[ClassificationCase], against: Sequence[ClassificationCase]) -> OtherClassifier:
    """Confidences are compared by their standing within their system, as Venkatraman and Begg, Biometrika 1996, do."""
    statistics = _statistics([*cases, *against])
    standings = np.concatenate([standing(_pooled(system)[1]) for system in (cases, against)])
    statistics["roc_auc"] = _roc_auc([*cases, *against], standings)
    return OtherClassifier(
        measures=_group("all", against).measures,
        roc=_roc(against),
        differences={name: compare(statistic, len(cases)) for name, statistic in statistics.items()},
    )


def _statistics(cases: Sequence[ClassificationCase]) -> dict[str, Statistic]:
    rates = {name: classification_rate(cases, name) for name in CLASSIFICATION_RATES}
    return {**rates, "roc_auc": _roc_auc(cases, _pooled(cases)[1])}


def _roc_auc(cases: Sequence[ClassificationCase], scores: Floats) -> Statistic:
    case_of_crop = np.repeat(np.arange(len(cases)), [len(case.truth) for case in cases])
    return roc_auc_statistic(_pooled(cases)[0], scores, case_of_crop, len(cases))


def _pooled(cases: Sequence[ClassificationCase]) -> tuple[Flags, Floats]:
    return np.concatenate([case.truth for case in cases]), np.concatenate([case.confidences for case in cases])

"""The scores of track 2, classification, under the names they have on the challenge's leaderboard.

Source: MIDOG25_T2_evaluation_docker, evaluate.py. What is undefined there is None here: NaN, and a division by zero.
"""

from collections.abc import Sequence

import numpy as np

from evaluation.bootstrap import share
from evaluation.cases import ClassificationCase, Flags, Floats
from evaluation.domains import in_order
from evaluation.ranking import roc_auc_statistic

Document = dict[str, object]

RECALL_OF_NONE_IN_A_DOMAIN = 0.0
"""Sensitivity where a domain has no atypical crop, specificity where it has no normal one, as scikit-learn's recall has
it. Over all crops the official evaluator divides by zero instead, which is None here."""


def document(cases: Sequence[ClassificationCase]) -> Document:
    """The content of metrics.json: figures over all crops, and per tumour domain; results are empty, as officially."""
    truth = np.concatenate([case.truth for case in cases])
    answers = np.concatenate([case.answers for case in cases])
    confidences = np.concatenate([case.confidences for case in cases])
    domains = np.array([domain for case in cases for domain in case.domains], dtype=np.str_)
    overall = scores(truth, answers, confidences)
    aggregates: Document = {
        f"overall_{name}": overall[name]
        for name in ("sensitivity", "specificity", "balanced_accuracy", "roc_auc", "accuracy")
    }
    for domain in in_order(set(domains.tolist())):
        inside = domains == domain
        aggregates[f"domain_{domain}"] = scores(
            truth[inside], answers[inside], confidences[inside], recall_of_none=RECALL_OF_NONE_IN_A_DOMAIN
        )
    return {"results": {}, "aggregates": aggregates}


def scores(
    truth: Flags, answers: Flags, confidences: Floats, recall_of_none: float | None = None
) -> dict[str, float | None]:
    """The five figures of some crops (N,); atypical is the positive class. None for a figure that is undefined.

    Sensitivity, specificity and the accuracies come of the answered classes, the ROC AUC of the confidences.
    recall_of_none: what sensitivity and specificity are where the class they are about is missing.
    """
    of_none = np.nan if recall_of_none is None else recall_of_none
    tp, fp, fn, tn = np.array(confusion(truth, answers), dtype=np.float64)[:, None]
    found = rates(tp, fp, fn, tn, recall_of_none=of_none)
    figures = {name: None if np.isnan(value[0]) else float(value[0]) for name, value in found.items()}
    return {**figures, "roc_auc": roc_auc(truth, confidences)}


def confusion(truth: Flags, answers: Flags) -> tuple[int, int, int, int]:
    """Of some crops (N,), those called atypical rightly and wrongly, called normal wrongly and rightly."""
    parts = (truth & answers, ~truth & answers, truth & ~answers, ~truth & ~answers)
    tp, fp, fn, tn = (int(np.count_nonzero(part)) for part in parts)
    return tp, fp, fn, tn


def rates(tp: Floats, fp: Floats, fn: Floats, tn: Floats, recall_of_none: float = np.nan) -> dict[str, Floats]:
    """The figures of the answered classes, (draws,) each, from the four counts of `confusion`; NaN where undefined.

    recall_of_none: what sensitivity and specificity are where the class they are about is missing.
    """
    recalls = (share(tp, tp + fn), share(tn, tn + fp))
    sensitivity, specificity = (np.where(np.isnan(recall), recall_of_none, recall) for recall in recalls)
    return {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "accuracy": share(tp + tn, tp + fp + fn + tn),
    }


def roc_auc(truth: Flags, confidences: Floats) -> float | None:
    """The share of pairs of a positive and a negative (of N) that the confidences order rightly, ties counted half.

    None where one class is missing.
    """
    together = roc_auc_statistic(truth, confidences, np.zeros(len(truth), dtype=np.int64), cases=1)
    value = float(together(np.ones((1, 1)))[0])
    return None if np.isnan(value) else value

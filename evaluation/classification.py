"""The scores of track 2, classification, under the names they have on the challenge's leaderboard.

Source: MIDOG25_T2_evaluation_docker, evaluate.py. What is undefined there is None here: NaN, and a division by zero.
"""

from collections.abc import Sequence

import numpy as np

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
    sensitivity = _share(answers[truth], recall_of_none)
    specificity = _share(~answers[~truth], recall_of_none)
    balanced = None if sensitivity is None or specificity is None else (sensitivity + specificity) / 2
    return {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "balanced_accuracy": balanced,
        "accuracy": _share(answers == truth, None),
        "roc_auc": roc_auc(truth, confidences),
    }


def roc_auc(truth: Flags, confidences: Floats) -> float | None:
    """The share of pairs of a positive and a negative (of N) that the confidences order rightly, ties counted half.

    None where one class is missing.
    """
    together = roc_auc_statistic(truth, confidences, np.zeros(len(truth), dtype=np.int64), cases=1)
    value = float(together(np.ones((1, 1)))[0])
    return None if np.isnan(value) else value


def _share(flags: Flags, of_none: float | None) -> float | None:
    return int(flags.sum()) / len(flags) if len(flags) else of_none

"""The document of track 2 against scikit-learn, and where a class is missing."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from evaluation.cases import ClassificationCase
from evaluation.classification import document, roc_auc, scores

MEASURES = ("sensitivity", "specificity", "balanced_accuracy", "accuracy", "roc_auc")


def stack(truth: str, answers: str, confidences: list[float], domains: str | None = None) -> ClassificationCase:
    """A stack whose crops are letters: a for atypical, n for normal; domains a digit each."""
    return ClassificationCase(
        "stack.tiff",
        tuple(domains or "0" * len(truth)),
        np.array([letter == "a" for letter in truth], dtype=np.bool_),
        np.array([letter == "a" for letter in answers], dtype=np.bool_),
        np.array(confidences, dtype=np.float64),
    )


def aggregates(*cases: ClassificationCase) -> Any:
    return document(cases)["aggregates"]


def test_a_worked_case() -> None:
    found = aggregates(stack("aaann", "aanna", [0.9, 0.8, 0.4, 0.2, 0.6]))
    assert found["overall_sensitivity"] == pytest.approx(2 / 3)
    assert found["overall_specificity"] == pytest.approx(1 / 2)
    assert found["overall_balanced_accuracy"] == pytest.approx(7 / 12)
    assert found["overall_accuracy"] == pytest.approx(3 / 5)
    assert found["overall_roc_auc"] == pytest.approx(5 / 6)


def test_the_keys_are_the_official_ones() -> None:
    found = document([stack("an", "an", [0.9, 0.1], "92"), stack("n", "n", [0.1], "2")])
    assert found["results"] == {}
    aggregates = found["aggregates"]
    assert isinstance(aggregates, dict)
    names = ("sensitivity", "specificity", "balanced_accuracy", "roc_auc", "accuracy")
    assert list(aggregates) == [f"overall_{name}" for name in names] + ["domain_2", "domain_9"]
    assert tuple(aggregates["domain_2"]) == MEASURES


def test_crops_are_pooled_over_stacks() -> None:
    found = aggregates(stack("aaa", "aaa", [0.9] * 3), stack("an", "nn", [0.1, 0.2]))
    assert found["overall_sensitivity"] == pytest.approx(3 / 4)
    assert found["overall_roc_auc"] == pytest.approx(3 / 4)


def test_classes_and_confidences_are_not_held_against_each_other() -> None:
    found = aggregates(stack("an", "an", [0.1, 0.9]))
    assert (found["overall_balanced_accuracy"], found["overall_roc_auc"]) == (1, 0)


def test_the_area_of_equal_confidences_is_one_half() -> None:
    assert aggregates(stack("anan", "nnnn", [0.5] * 4))["overall_roc_auc"] == 0.5


def test_without_one_class_overall_what_needs_it_is_undefined() -> None:
    """Officially a division by zero."""
    found = aggregates(stack("nn", "na", [0.2, 0.8]))
    assert [found[f"overall_{name}"] for name in MEASURES] == [None, 0.5, None, 0.5, None]
    found = aggregates(stack("aa", "na", [0.2, 0.8]))
    assert [found[f"overall_{name}"] for name in MEASURES] == [0.5, None, None, 0.5, None]


def test_without_one_class_in_a_domain_its_recall_is_zero_as_officially() -> None:
    found = aggregates(stack("nna", "nna", [0.2, 0.1, 0.9], "112"))
    assert [found["domain_1"][name] for name in MEASURES] == [0, 1, 0.5, 1, None]
    assert [found["domain_2"][name] for name in MEASURES] == [1, 0, 0.5, 1, None]


def test_an_empty_stack_is_no_answer() -> None:
    found = aggregates(stack("", "", []))
    assert [found[f"overall_{name}"] for name in MEASURES] == [None] * 5


items = st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.5, 0.7, 1.0])), min_size=2, max_size=40)


@given(items.filter(lambda drawn: len({flag for flag, _ in drawn}) == 2))
def test_the_area_is_that_of_scikit_learn(drawn: list[tuple[bool, float]]) -> None:
    truth = np.array([flag for flag, _ in drawn], dtype=np.bool_)
    confidences = np.array([value for _, value in drawn])
    assert roc_auc(truth, confidences) == pytest.approx(roc_auc_score(truth, confidences), abs=1e-12)
    assert scores(truth, truth, confidences)["balanced_accuracy"] == 1

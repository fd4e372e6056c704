"""Votes, ties and confidences; the members' probabilities; and that neither batches nor threads make a difference."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from algorithm.bundle import ClassificationBundle, load_classification_bundle
from algorithm.classification_manifest import ClassificationPostprocess
from algorithm.classifier import Classifier, decide
from algorithm.errors import BundleError
from tests.algorithm.test_runtime import bundle_of
from tests.tiny_classifier import (
    classification_graph,
    classification_manifest,
    expected_probabilities,
    figures,
    write_tiny_classifier,
)

SIDE = 32


def bundle(folder: Path, members: int = 3, **changes: object) -> ClassificationBundle:
    return load_classification_bundle(write_tiny_classifier(folder, members, patch_px=SIDE, **changes))


def test_probabilities_are_those_of_the_graphs(tmp_path: Path) -> None:
    patches = figures(20, SIDE)
    classifier = Classifier(bundle(tmp_path), "cpu")
    assert (classifier.device, classifier.providers) == ("cpu", ("CPUExecutionProvider",))
    found = classifier.classify(patches)
    expected = expected_probabilities(patches, 3)
    np.testing.assert_allclose(found.member_probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(found.confidences, expected.mean(axis=1), atol=1e-5)
    np.testing.assert_array_equal(found.atypical, np.sort(expected, axis=1)[:, 1] >= 0.5)
    assert {True, False} == set(found.atypical.tolist())
    assert found.confidences.dtype == np.float64


@pytest.mark.parametrize("count", [0, 1, 2, 16, 257])
def test_any_number_of_patches_in_any_batches_on_any_threads(tmp_path: Path, count: int) -> None:
    model, patches = bundle(tmp_path), figures(count, SIDE) if count else []
    expected = Classifier(model, "cpu", threads=1).classify(patches)
    assert len(expected) == count
    assert expected.member_probabilities.shape == (count, 3)
    for threads, size in ((1, 1), (2, 7), (3, 300)):
        classifier = Classifier(model, "cpu", threads)
        classifier._members.batch_size = size
        done: list[int] = []
        found = classifier.classify((patch for patch in patches), done.append)
        assert found.member_probabilities.tobytes() == expected.member_probabilities.tobytes()
        assert found.atypical.tolist() == expected.atypical.tolist()
        assert done == [min(size * (number + 1), count) for number in range(-(-count // size))]


def test_four_rotations_are_averaged_for_each_member(tmp_path: Path) -> None:
    patches = figures(4, SIDE)
    patches[:, : SIDE // 2] = 240  # the network weighs what lies above more than what lies below
    once = Classifier(bundle(tmp_path / "once"), "cpu")
    turned = [once.classify(np.rot90(patches, turns, axes=(1, 2))).member_probabilities for turns in range(4)]
    found = Classifier(bundle(tmp_path / "four", rotations=4), "cpu").classify(patches)
    np.testing.assert_allclose(found.member_probabilities, np.mean(turned, axis=0), atol=1e-12)
    assert np.abs(turned[0] - turned[2]).max() > 0.1
    again = Classifier(bundle(tmp_path / "four", rotations=4), "cpu").classify(np.rot90(patches, 1, axes=(1, 2)))
    np.testing.assert_allclose(again.confidences, found.confidences, atol=1e-6)


def test_the_temperature_divides_the_logits(tmp_path: Path) -> None:
    patches = figures(9, SIDE)
    hot = Classifier(bundle(tmp_path, temperature=2.5), "cpu").classify(patches).member_probabilities
    cold = expected_probabilities(patches, 3)
    np.testing.assert_allclose(np.log(hot / (1 - hot)) * 2.5, np.log(cold / (1 - cold)), atol=1e-4)


def settings(vote: Literal["majority", "mean"] = "majority", threshold: float = 0.5) -> ClassificationPostprocess:
    return ClassificationPostprocess(vote=vote, threshold=threshold)


@pytest.mark.parametrize(
    ("probabilities", "threshold", "by_majority", "by_mean"),
    [
        ([0.9, 0.2, 0.2], 0.5, False, False),
        ([1.0, 0.45, 0.45], 0.5, False, True),
        ([0.51, 0.51, 0.0], 0.5, True, False),
        ([0.5], 0.5, True, True),
        ([0.499], 0.5, False, False),
        ([0.9, 0.2], 0.5, True, True),
        ([0.7, 0.2], 0.5, False, False),
        ([0.75, 0.25], 0.5, True, True),
        ([0.7, 0.2], 0.4, True, True),
        ([0.9, 0.8, 0.1, 0.1], 0.5, False, False),
        ([0.9, 0.8, 0.2, 0.1], 0.5, True, True),
        ([0.3, 0.3, 0.0], 0.25, True, False),
    ],
)
def test_majority_ties_and_means(
    probabilities: list[float], threshold: float, by_majority: bool, by_mean: bool
) -> None:
    members = np.array([probabilities])
    assert decide(members, settings("majority", threshold)).atypical.tolist() == [by_majority]
    assert decide(members, settings("mean", threshold)).atypical.tolist() == [by_mean]


PROBABILITIES = arrays.arrays(np.float64, st.tuples(st.integers(0, 5), st.integers(1, 7)), elements=st.floats(0, 1))


@given(PROBABILITIES, st.floats(0.01, 0.99))
def test_a_vote_is_what_counting_by_hand_gives(members: np.ndarray, threshold: float) -> None:
    found = decide(members, settings("majority", threshold))
    for row, (votes, atypical, confidence) in enumerate(
        zip(found.votes, found.atypical, found.confidences, strict=True)
    ):
        for_atypical = sum(value >= threshold for value in members[row])
        against = members.shape[1] - for_atypical
        assert votes == for_atypical
        assert confidence == pytest.approx(sum(members[row]) / members.shape[1])
        assert atypical == (confidence >= threshold if for_atypical == against else for_atypical > against)


@given(PROBABILITIES, st.floats(0.01, 0.99), st.permutations(range(7)), st.sampled_from(["majority", "mean"]))
def test_the_order_of_the_members_changes_nothing(
    members: np.ndarray, threshold: float, order: list[int], vote: Literal["majority", "mean"]
) -> None:
    shuffled = members[:, [place for place in order if place < members.shape[1]]]
    one, other = decide(members, settings(vote, threshold)), decide(shuffled, settings(vote, threshold))
    assert one.atypical.tolist() == other.atypical.tolist()
    assert one.confidences.tolist() == other.confidences.tolist()
    assert one.votes.tolist() == other.votes.tolist()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"batch": 1}, r"input image tensor\(float\) \[1, 3, 32, 32\]"),
        ({"patch_px": 48}, r"\[.*, 3, 48, 48\], not image tensor\(float\) \['batch', 3, 32, 32\]"),
        ({"output_name": "scores"}, r"output scores .*, not logits tensor\(float\) \['batch', 1\]"),
        ({"classes": 2}, r"output logits tensor\(float\) \['batch', 2\], not logits"),
    ],
)
def test_a_graph_of_another_signature_is_refused(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    model = classification_graph(**{"patch_px": SIDE, **change})
    folder = bundle_of(tmp_path, model.SerializeToString(), classification_manifest(patch_px=SIDE))
    with pytest.raises(BundleError, match=problem):
        Classifier(load_classification_bundle(folder), "cpu")


def test_logits_that_are_no_numbers_are_an_error(tmp_path: Path) -> None:
    model = classification_graph(SIDE)
    model.graph.initializer[1].CopyFrom(onnx.numpy_helper.from_array(np.array([np.nan], np.float32), "bias"))
    folder = bundle_of(tmp_path, model.SerializeToString(), classification_manifest(patch_px=SIDE))
    classifier = Classifier(load_classification_bundle(folder), "cpu")
    with pytest.raises(BundleError, match="not finite"):
        classifier.classify(figures(2, SIDE))

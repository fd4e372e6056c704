"""Child classes and MitDet's losses, in closed form."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from algorithm.errors import InputError
from training.models.mitdet import Answers, MitDet
from training.nuclei_settings import InCDPSettings
from training.systems.focal import softmax_focal
from training.systems.incdp import buffers, centre_loss, child_weights, divide, joint_loss, move_centres, parent_loss

SETTINGS = InCDPSettings()


def features_of(corners: list[list[float]], count: int = 12) -> np.ndarray:
    """Points close about each corner, one corner after the other."""
    spread = np.random.default_rng(0).normal(0, 0.01, (len(corners) * count, len(corners[0])))
    return np.repeat(np.array(corners), count, axis=0) + spread


def test_focal_by_hand() -> None:
    """Of logits log 3 and 0 the first's probability is 3 / 4."""
    logits = torch.tensor([[math.log(3), 0.0], [math.log(3), 0.0]])
    found = softmax_focal(logits, torch.tensor([0, 1]), 2.0)
    assert found.tolist() == pytest.approx([-(0.25**2) * math.log(0.75), -(0.75**2) * math.log(0.25)])
    entropy = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1]), reduction="none")
    torch.testing.assert_close(softmax_focal(logits, torch.tensor([0, 1]), 0.0), entropy)


def test_children_are_numbered_by_parent() -> None:
    corners = [[0.0, 0.0], [0.0, 4.0], [9.0, 0.0], [9.0, 4.0]]
    classes = np.repeat([1, 0, 1, 0], 12)
    found = divide(features_of(corners), classes, 2)
    labels = found.labels.reshape(4, 12)
    assert (labels == labels[:, :1]).all()
    assert sorted(labels[[1, 3], 0]) == [0, 1]
    assert sorted(labels[[0, 2], 0]) == [2, 3]
    for corner, label in zip(corners, labels[:, 0], strict=True):
        assert found.child_centres[label] == pytest.approx(corner, abs=0.02)
    assert found.parent_centres == pytest.approx(np.array([[4.5, 4.0], [4.5, 0.0]]), abs=0.02)


def test_too_few_crops_are_refused() -> None:
    with pytest.raises(InputError, match="3 crops make no 4 child classes"):
        divide(np.eye(8), np.array([0] * 5 + [1] * 3), 4)
    with pytest.raises(InputError, match="no more than 1 different crops"):
        divide(np.ones((20, 3)), np.repeat([0, 1], 10), 2)


def test_equal_distances_weigh_alike() -> None:
    """Parents in the middle between their own children, children as far from the other's middle."""
    parents = np.array([[0.0, 0.0], [6.0, 0.0]])
    children = np.array([[0.0, 2.0], [0.0, -2.0], [6.0, 2.0], [6.0, -2.0]])
    assert child_weights(parents, children) == pytest.approx(1)


def test_weights_by_hand() -> None:
    """Distances 1, 2, 2 and 2: inverses of mean 5 / 8."""
    parents = np.array([[0.0], [3.0]])
    children = np.array([[2.0], [1.0], [-2.0], [2.0]])
    assert child_weights(parents, children) == pytest.approx([8 / 5, 4 / 5, 4 / 5, 4 / 5])


@given(st.lists(st.floats(0, 100), min_size=8, max_size=8))
def test_what_is_farther_weighs_no_more_and_all_lies_within_bounds(distances: list[float]) -> None:
    parents = np.zeros((2, 1))
    weights = child_weights(parents, np.array(distances)[:, None])
    assert ((weights >= 0.5) & (weights <= 2)).all()
    order = np.argsort(distances)
    assert (np.diff(weights[order]) <= 1e-9).all()


def test_the_centre_loss_in_both_forms() -> None:
    features, centres = torch.tensor([[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    classes = torch.tensor([0, 1, 1])
    assert centre_loss(features, classes, centres, summed=True).item() == pytest.approx(0.5 * (4 + 25))
    assert centre_loss(features, classes, centres).item() == pytest.approx(0.5 * (4 + 25) / 6)


def test_centres_move_as_published() -> None:
    """Half of the sum of differences, by one more than there are crops; a class without crops stays."""
    centres = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    move_centres(centres, torch.tensor([[3.0, 0.0], [3.0, 6.0]]), torch.tensor([0, 0]), 0.5)
    assert centres.tolist() == [[0.5 * 6 / 3, 0.5 * 6 / 3], [1.0, 1.0]]


def test_centres_settle_on_the_mean() -> None:
    centres, features = torch.zeros(1, 2), torch.tensor([[1.0, 5.0], [3.0, 5.0]])
    for _ in range(60):
        move_centres(centres, features, torch.zeros(2, dtype=torch.int64), 0.5)
    assert centres.tolist() == [pytest.approx([2.0, 5.0], abs=1e-4)]


def joint() -> tuple[MitDet, Answers, torch.Tensor, torch.Tensor]:
    """A network of two children each, and what it might say of four crops."""
    model = MitDet(width=1, units=(1, 1, 1, 1), children=2)
    channels = model.trunk.channels
    corners = np.eye(4, channels) * [[1.0], [2.0], [3.0], [4.0]]
    children = divide(np.repeat(corners, 2, axis=0), np.repeat([0, 1], 4), 2)
    assert model.load_state_dict(buffers(children), strict=False).unexpected_keys == []
    torch.manual_seed(0)
    answers = Answers(*(torch.randn(4, size, requires_grad=True) for size in (2, 4, channels)))
    return model, answers, torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 2, 3])


def test_the_joint_loss_is_the_sum_of_its_parts() -> None:
    model, answers, classes, children = joint()
    model.eval()
    weights = model.get_buffer("child_weights")
    focal = [softmax_focal(answers.parents, classes, 2.0), softmax_focal(answers.children, children, 2.0) * weights]
    centres = [
        centre_loss(answers.features, of, model.get_buffer(name))
        for name, of in (("parent_centres", classes), ("child_centres", children))
    ]
    expected = focal[0].mean() + centres[0] + 0.5 * (focal[1].mean() + centres[1])
    torch.testing.assert_close(joint_loss(answers, classes, children, model, SETTINGS), expected)
    assert (weights != 1).any()
    half = joint_loss(answers, classes, children, model, InCDPSettings(child_weight=0.0, centre_weight=0.0))
    torch.testing.assert_close(half, parent_loss(answers, classes, SETTINGS))


def test_gradients_are_those_of_the_centres_before_they_moved() -> None:
    model, answers, classes, children = joint()
    before = model.get_buffer("parent_centres").clone()
    settings = InCDPSettings(child_weight=0.0, focal_gamma=0.0)
    joint_loss(answers, classes, children, model.train(), settings).backward()
    features = answers.features
    assert features.grad is not None
    torch.testing.assert_close(features.grad, (features.detach() - before[classes]) / features.numel())
    moved = before.clone()
    move_centres(moved, features.detach(), classes, 0.5)
    torch.testing.assert_close(model.get_buffer("parent_centres"), moved)
    assert not torch.equal(moved, before)


def test_saying_every_child_of_everything_is_not_best() -> None:
    """As equation 9 is printed, it would be."""
    model, answers, classes, children = joint()
    model.eval()
    everything = answers._replace(children=torch.full((4, 4), 30.0))
    right = answers._replace(children=30 * torch.nn.functional.one_hot(children, 4).float())
    losses = [joint_loss(of, classes, children, model, SETTINGS).item() for of in (everything, right)]
    assert losses[0] > losses[1]


def test_validation_moves_no_centre() -> None:
    model, answers, classes, children = joint()
    before = model.get_buffer("child_centres").clone()
    joint_loss(answers, classes, children, model.eval(), SETTINGS)
    assert torch.equal(model.get_buffer("child_centres"), before)

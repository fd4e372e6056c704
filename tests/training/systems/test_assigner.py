"""Which places are to say which box: by hand, and as a plain loop finds it."""

import pytest
import torch
from torch import Tensor

from tests.training.boxes import slow_assign
from training.models.boxes import point_priors
from training.systems.assigner import NONE, assign

Numbers = list[list[float]]


def assigned(
    predicted: Numbers, points: Numbers, truth: Numbers, **more: Tensor | int
) -> tuple[list[int], list[float]]:
    """Of places 8 px apart with logits of 0 for two classes, for boxes of class 0."""
    priors = torch.tensor([[*point, 8] for point in points], dtype=torch.float32)
    settings = {"logits": torch.zeros(len(points), 2), "classes": torch.zeros(len(truth), dtype=torch.int64), **more}
    found = assign(predicted=torch.tensor(predicted), priors=priors, truth=torch.tensor(truth), **settings)
    return found.box.tolist(), found.quality.tolist()


POINTS = [[8.0, 8], [16, 16], [24, 24], [32, 32], [48, 48]]
PREDICTED = [[0.0, 0, 40, 40], [0, 0, 20, 40], [0, 0, 32, 40], [0, 0, 10, 40], [0, 0, 40, 40]]
"""IoUs of 1, 0.5, 0.8, 0.25 and 1 with the square of 40 px; the last point lies outside."""
SQUARE = [[0.0, 0, 40, 40]]


def test_a_box_gets_as_many_places_as_overlaps_sum_to() -> None:
    """1 + 0.5 + 0.8 + 0.25 = 2.55, so two: those at costs of 0.31 and 0.74, before 2.08 and 4.33.

    The costs of the first: log 2 (1 - 0.5)^2 + log 2 0.5^2 of its classes, 0 of its overlap, and 10^(sqrt 2 12 / 8 - 3)
    of its distance from the centre.
    """
    boxes, qualities = assigned(PREDICTED, POINTS, SQUARE)
    assert boxes == [0, NONE, 0, NONE, NONE]
    assert qualities == pytest.approx([1, 0, 0.8, 0, 0])


def test_a_box_gets_one_place_at_least() -> None:
    faint = [[0.0, 0, 4, 4]] * 5
    assert assigned(faint, POINTS, SQUARE)[0] == [NONE, 0, NONE, NONE, NONE]  # the first of the two in the middle


def test_only_the_best_candidates_are_summed() -> None:
    assert assigned(PREDICTED, POINTS, SQUARE, candidates=1)[0] == [0, NONE, NONE, NONE, NONE]
    assert assigned(PREDICTED, POINTS, SQUARE, candidates=2)[0] == [0, NONE, NONE, NONE, NONE]  # 1.8


def test_a_place_that_two_boxes_claim_goes_to_the_cheaper() -> None:
    """Squares of 40 px side by side that share a half; the place in the middle overlaps them by 32 / 48 and 28 / 52.

    The sums are 0.4 + 0.67 and 0.54 + 0.2, so both claim one place, the same, at costs of
    log 2 (0.17^2 + 0.25) - 3 log 0.67 + 10^-1.42 = 1.45 and log 2 (0.04^2 + 0.25) - 3 log 0.54 + 10^-1.88 = 2.04.
    """
    truth = [[0.0, 0, 40, 40], [20, 0, 60, 40]]
    points, predicted = [[8.0, 16], [32, 16], [56, 16]], [[0.0, 0, 16, 40], [8, 0, 48, 40], [52, 0, 60, 40]]
    boxes, qualities = assigned(predicted, points, truth)
    assert boxes == [NONE, 0, NONE]
    assert qualities == pytest.approx([0, 2 / 3, 0])
    assert assigned(predicted, points, truth[::-1])[0] == [NONE, 1, NONE]


def test_the_class_decides_between_equal_boxes() -> None:
    """A figure and a look-alike at one place, which says look-alike."""
    logits, classes = torch.tensor([[-2.0, 2]] * 5), torch.tensor([0, 1])
    boxes, _ = assigned(PREDICTED, POINTS, SQUARE * 2, logits=logits, classes=classes)
    assert boxes == [1, NONE, 1, NONE, NONE]


def test_points_on_an_edge_lie_outside() -> None:
    assert assigned([[0.0, 0, 40, 40]] * 2, [[0.0, 8], [40, 40]], SQUARE)[0] == [NONE, NONE]


def test_ignored_places_take_no_part() -> None:
    ignored = torch.tensor([True, False, False, False, False])
    boxes, qualities = assigned(PREDICTED, POINTS, SQUARE, ignored=ignored)
    assert boxes == [NONE, NONE, 0, NONE, NONE]  # 0.5 + 0.8 + 0.25 are one
    assert qualities == pytest.approx([0, 0, 0.8, 0, 0])
    assert assigned(PREDICTED, POINTS, SQUARE, ignored=torch.ones(5, dtype=torch.bool))[0] == [NONE] * 5


def test_a_box_without_a_place_takes_none_of_anothers() -> None:
    """A box between the points, far from the others."""
    boxes, _ = assigned(PREDICTED, POINTS, [*SQUARE, [900.0, 900, 904, 904]])
    assert boxes == [0, NONE, 0, NONE, NONE]


def test_an_image_without_boxes_has_only_background() -> None:
    priors = point_priors(32, 32)
    empty = torch.empty(0, 4), torch.empty(0, dtype=torch.int64)
    found = assign(torch.zeros(len(priors), 2), torch.rand(len(priors), 4), priors, *empty)
    assert (found.box == NONE).all()
    assert (found.quality == 0).all()
    assert found.box.dtype == torch.int64


@pytest.mark.parametrize("seed", range(8))
def test_a_plain_loop_finds_the_same(seed: int) -> None:
    """Crowded boxes of several sizes and classes, some of them without a place, and predictions about each of them."""
    generator = torch.Generator().manual_seed(seed)
    priors = point_priors(64, 96)
    logits = torch.randn(len(priors), 2, generator=generator)
    corners = torch.rand(6, 2, generator=generator) * torch.tensor([72.0, 48.0])
    sides = 2 + torch.rand(6, 2, generator=generator) * 40
    truth = torch.cat([corners, corners + sides], dim=1)
    about = truth[torch.randint(0, 6, (len(priors),), generator=generator)]
    predicted = about + torch.tensor([-1, -1, 1, 1]) * 4 * torch.rand(len(priors), 4, generator=generator)
    classes = torch.randint(0, 2, (6,), generator=generator)
    ignored = torch.rand(len(priors), generator=generator) < 0.2
    found = assign(logits, predicted, priors, truth, classes, ignored)
    tables = (logits, predicted, priors, truth, classes, ignored)
    expected = slow_assign(*(table.tolist() for table in tables))
    assert {place: box for place, box in enumerate(found.box.tolist()) if box != NONE} == {
        place: box for place, (box, _) in expected.items()
    }
    for place, (_, quality) in expected.items():
        assert found.quality[place].item() == pytest.approx(quality, abs=1e-5)
    assert len(expected) > 5

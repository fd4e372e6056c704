"""Points, distances and overlaps of boxes, by hand."""

import pytest
import torch
from torch import Tensor

from training.models.boxes import decode, flatten_levels, giou, iou, point_priors


def test_points_go_level_by_level_and_row_by_row() -> None:
    priors = point_priors(32, 64)
    assert len(priors) == 4 * 8 + 2 * 4 + 1 * 2
    assert priors[:3].tolist() == [[0, 0, 8], [8, 0, 8], [16, 0, 8]]
    assert priors[8].tolist() == [0, 8, 8]
    assert priors[32:37].tolist() == [[0, 0, 16], [16, 0, 16], [32, 0, 16], [48, 0, 16], [0, 16, 16]]
    assert priors[40:].tolist() == [[0, 0, 32], [32, 0, 32]]


def test_levels_are_put_in_the_order_of_the_points() -> None:
    """A map that says its places' own coordinates."""
    levels = []
    for stride in (8, 16, 32):
        priors = point_priors(64, 96)
        of_level = priors[priors[:, 2] == stride].T.reshape(3, 64 // stride, 96 // stride)
        levels.append((of_level[None], of_level[None, [0, 1, 2, 0]]))
    logits, distances = flatten_levels(levels)
    assert torch.equal(logits[0], point_priors(64, 96))
    assert torch.equal(distances[0], point_priors(64, 96)[:, [0, 1, 2, 0]])


def test_distances_are_in_strides_and_may_be_negative() -> None:
    priors = torch.tensor([[16.0, 24, 8], [64, 32, 32]])
    distances = torch.tensor([[[1.0, 2, 3, 0.5], [-0.5, 0, 1, 2]]])
    assert decode(distances, priors).tolist() == [[[8, 8, 40, 28], [80, 32, 96, 96]]]


def box(*corners: float) -> Tensor:
    return torch.tensor(corners, dtype=torch.float64)


@pytest.mark.parametrize(
    "a, b, overlap, generalised",
    [
        (box(0, 0, 10, 10), box(0, 0, 10, 10), 1, 1),
        (box(0, 0, 10, 10), box(5, 0, 15, 10), 1 / 3, 1 / 3),  # their union fills the box around them
        (box(0, 0, 10, 10), box(5, 5, 15, 15), 25 / 175, 25 / 175 - 50 / 225),
        (box(0, 0, 10, 10), box(2, 2, 7, 6), 0.2, 0.2),
        (box(0, 0, 10, 10), box(10, 0, 20, 10), 0, 0),
        (box(0, 0, 10, 10), box(30, 0, 40, 10), 0, -0.5),
        (box(0, 0, 10, 10), box(90, 90, 100, 100), 0, -0.98),
        (box(7, 2, 3, 8), box(0, 0, 10, 10), 0, -0.24),  # inside out: its area counts against it
    ],
)
def test_overlaps_by_hand(a: Tensor, b: Tensor, overlap: float, generalised: float) -> None:
    assert iou(a, b).item() == iou(b, a).item() == pytest.approx(overlap)
    assert giou(a, b).item() == giou(b, a).item() == pytest.approx(generalised)


def test_overlaps_are_broadcast() -> None:
    boxes = torch.rand(5, 2, 2).cumsum(1).flatten(1)
    others = torch.rand(3, 2, 2).cumsum(1).flatten(1)
    table = iou(boxes[:, None], others)
    assert table.shape == (5, 3)
    assert torch.equal(table[4, 1], iou(boxes[4], others[1]))


@pytest.mark.parametrize("corners", [(6, 4, 4, 6), (6, 6, 4, 4), (5, 5, 5, 5), (5, 3, 5, 7), (0, 0, 10, 10)])
def test_boxes_without_an_area_have_finite_gradients(corners: tuple[float, ...]) -> None:
    for truth in (box(0, 0, 10, 10), box(5, 5, 5, 5)):
        for overlap in (iou, giou):
            prediction = box(*corners).requires_grad_()
            overlap(prediction, truth).backward()
            assert prediction.grad.isfinite().all()

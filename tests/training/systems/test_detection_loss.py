"""RTMDet's loss: by hand, as a plain loop finds it, and where there is nothing to say."""

import math

import pytest
import torch
from torch import Tensor

from tests.training.boxes import distances_to, slow_assign, slow_iou, slow_quality_focal
from training.loss_settings import BoxLossSettings
from training.models.boxes import decode, giou, iou, point_priors
from training.systems.detection_loss import detection_loss, loss_terms
from training.systems.focal import focal, quality_focal

DEFAULT = BoxLossSettings()
NO_BOXES = torch.empty(0, 4), torch.empty(0, dtype=torch.int64)
PRIORS = torch.tensor([[8.0, 8, 8], [16, 16, 8], [24, 24, 8], [32, 32, 8], [48, 48, 8]])
PREDICTED = torch.tensor([[0.0, 0, 40, 40], [0, 0, 20, 40], [0, 0, 32, 40], [0, 0, 10, 40], [0, 0, 40, 40]])
"""IoUs of 1, 0.5, 0.8 and 0.25 with SQUARE, in which the last point does not lie: the first and third are to say it."""
SQUARE = torch.tensor([[0.0, 0, 40, 40]]), torch.tensor([0])
SURE_OF_NOTHING = torch.zeros(1, 5, 2)
QUARTER = 0.25 * math.log(2)
"""The quality focal loss of a logit of 0 for a target of 0 or 1."""


def terms_of_square(settings: BoxLossSettings = DEFAULT, ignored: Tensor | None = None) -> list[float]:
    distances = distances_to(PREDICTED, PRIORS)[None]
    truth, classes = SQUARE
    found = loss_terms(SURE_OF_NOTHING, distances, PRIORS, [truth], [classes], settings, ignored)
    return [term.item() for term in found]


@pytest.mark.parametrize(
    "logit, quality, expected",
    [
        (0.0, 0.0, QUARTER),
        (0.0, 1.0, QUARTER),
        (0.0, 0.5, 0.0),  # as sure as it should be
        (math.log(3), 0.0, 0.75**2 * math.log(4)),
        (math.log(3), 1.0, 0.25**2 * math.log(4 / 3)),
        (math.log(3), 0.5, 0.25**2 * (0.5 * math.log(4 / 3) + 0.5 * math.log(4))),
    ],
)
def test_quality_focal_by_hand(logit: float, quality: float, expected: float) -> None:
    assert quality_focal(torch.tensor(logit), torch.tensor(quality), 2.0).item() == pytest.approx(
        expected, rel=1e-5, abs=1e-7
    )


@pytest.mark.parametrize(
    "target, expected", [(1.0, 0.25 * 0.25**2 * math.log(4 / 3)), (0.0, 0.75 * 0.75**2 * math.log(4))]
)
def test_focal_by_hand(target: float, expected: float) -> None:
    found = focal(torch.tensor(math.log(3)), torch.tensor(target), 0.25, 2.0)
    assert found.item() == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_boxes_that_lie_right_cost_nothing_and_those_beside_more_than_one() -> None:
    square = SQUARE[0][0]
    assert 1 - giou(square, square) == 0
    assert 1 - giou(square + 80, square) == pytest.approx(1 + (120**2 - 2 * 40**2) / 120**2)


def test_terms_by_hand() -> None:
    """Targets of 1 and 0.8 for the figure's logits at two places, 0 for the eight others; all over 1.8."""
    of_classes, of_boxes = terms_of_square()
    assert of_classes == pytest.approx((QUARTER + 0.3**2 * math.log(2) + 8 * QUARTER) / 1.8)
    assert of_boxes == pytest.approx(0.8 * 0.2 / 1.8)


def test_the_loss_is_their_sum_with_twice_the_boxes() -> None:
    distances, (truth, classes) = distances_to(PREDICTED, PRIORS)[None], SQUARE
    of_classes, of_boxes = terms_of_square()
    found = detection_loss(SURE_OF_NOTHING, distances, PRIORS, [truth], [classes], DEFAULT)
    assert found.item() == pytest.approx(of_classes + 2 * of_boxes)
    thrice = BoxLossSettings(box_weight=3)
    found = detection_loss(SURE_OF_NOTHING, distances, PRIORS, [truth], [classes], thrice)
    assert found.item() == pytest.approx(of_classes + 3 * of_boxes)


def test_plain_focal_wants_one_whatever_the_overlap() -> None:
    of_classes, _ = terms_of_square(BoxLossSettings(classes="focal"))
    assert of_classes == pytest.approx((2 * 0.25 * QUARTER + 8 * 0.75 * QUARTER) / 1.8)


def test_boxes_may_be_compared_by_plain_overlap() -> None:
    """Half the square, moved away from its corner: a box around both has room that neither covers."""
    moved = PREDICTED.clone()
    moved[2] = torch.tensor([-8.0, 4, 32, 36])
    truth, classes = SQUARE
    by = {
        name: loss_terms(
            SURE_OF_NOTHING, distances_to(moved, PRIORS)[None], PRIORS, [truth], [classes], BoxLossSettings(boxes=name)
        )[1].item()
        for name in ("iou", "giou")
    }
    shared, union, around = 32 * 32, 40 * 40 + 40 * 32 - 32 * 32, 48 * 40
    quality = shared / union
    assert by["iou"] == pytest.approx(quality * (1 - quality) / (1 + quality))
    assert by["giou"] == pytest.approx(quality * (1 - quality + (around - union) / around) / (1 + quality))


def test_ignored_places_cost_nothing() -> None:
    """The last place, which is background."""
    ignored = torch.tensor([[False, False, False, False, True]])
    of_classes, of_boxes = terms_of_square(ignored=ignored)
    assert of_classes == pytest.approx((QUARTER + 0.3**2 * math.log(2) + 6 * QUARTER) / 1.8)
    assert of_boxes == pytest.approx(0.8 * 0.2 / 1.8)
    assert terms_of_square(ignored=torch.ones(1, 5, dtype=torch.bool)) == [0, 0]


@pytest.mark.parametrize("settings", [DEFAULT, BoxLossSettings(classes="focal", boxes="iou")])
def test_images_without_boxes_are_all_background(settings: BoxLossSettings) -> None:
    logits, distances = torch.zeros(2, 5, 2, requires_grad=True), torch.zeros(2, 5, 4, requires_grad=True)
    truth, classes = NO_BOXES
    of_classes, of_boxes = loss_terms(logits, distances, PRIORS, [truth] * 2, [classes] * 2, settings)
    share = 1 if settings.classes == "quality" else 0.75
    assert (of_classes.item(), of_boxes.item()) == (pytest.approx(20 * share * QUARTER), 0)
    (of_classes + of_boxes).backward()
    assert (distances.grad == 0).all()
    assert (logits.grad > 0).all()


def test_images_share_one_sum_of_qualities() -> None:
    """An image without boxes beside one with: its background counts, by the other's qualities."""
    distances = distances_to(PREDICTED, PRIORS)[None].expand(2, -1, -1)
    truth, classes = zip(NO_BOXES, SQUARE, strict=True)
    of_classes, of_boxes = loss_terms(SURE_OF_NOTHING.expand(2, -1, -1), distances, PRIORS, truth, classes, DEFAULT)
    assert of_classes.item() == pytest.approx((19 * QUARTER + 0.3**2 * math.log(2)) / 1.8)
    assert of_boxes.item() == pytest.approx(0.8 * 0.2 / 1.8)


def crowd(seed: int) -> tuple[Tensor, Tensor, Tensor, list[Tensor], list[Tensor], Tensor]:
    """Three images of 64 x 96 px, the second without boxes."""
    generator = torch.Generator().manual_seed(seed)
    priors = point_priors(64, 96)
    logits = torch.randn(3, len(priors), 2, generator=generator)
    distances = torch.rand(3, len(priors), 4, generator=generator) * 3 + 0.2
    truth, classes = [], []
    for count in (4, 0, 2):
        corners = torch.rand(count, 2, generator=generator) * torch.tensor([60.0, 30.0])
        truth.append(torch.cat([corners, corners + 10 + 24 * torch.rand(count, 2, generator=generator)], dim=1))
        classes.append(torch.randint(0, 2, (count,), generator=generator))
    return logits, distances, priors, truth, classes, torch.rand(3, len(priors), generator=generator) < 0.1


@pytest.mark.parametrize("seed", range(4))
def test_a_plain_loop_finds_the_same(seed: int) -> None:
    logits, distances, priors, truth, classes, ignored = crowd(seed)
    boxes = decode(distances, priors)
    qualities, of_classes, of_boxes = 0.0, 0.0, 0.0
    for image in range(3):
        tables = (logits[image], boxes[image], priors, truth[image], classes[image], ignored[image])
        found = slow_assign(*(table.tolist() for table in tables))
        for place in range(len(priors)):
            if ignored[image, place]:
                continue
            box, quality = found.get(place, (None, 0.0))
            for number in range(2):
                right = box is not None and classes[image][box] == number
                of_classes += slow_quality_focal(logits[image, place, number].item(), quality if right else 0.0)
            if box is not None:
                _, generalised = slow_iou(boxes[image, place].tolist(), truth[image][box].tolist())
                qualities += quality
                of_boxes += quality * (1 - generalised)
    assert qualities > 1
    terms = loss_terms(logits, distances, priors, truth, classes, DEFAULT, ignored)
    assert terms[0].item() == pytest.approx(of_classes / qualities, rel=1e-5)
    assert terms[1].item() == pytest.approx(of_boxes / qualities, rel=1e-5)


@pytest.mark.parametrize("settings", [DEFAULT, BoxLossSettings(classes="focal", boxes="iou")])
@pytest.mark.parametrize("reach", [3.0, 0.0, -1.0])
def test_gradients_are_finite(settings: BoxLossSettings, reach: float) -> None:
    """Of boxes that are boxes, of those that are points and of those that are inside out; of logits far from 0 too."""
    logits, distances, priors, truth, classes, ignored = crowd(0)
    logits, distances = (50 * logits).requires_grad_(), (reach * distances).requires_grad_()
    detection_loss(logits, distances, priors, truth, classes, settings, ignored).backward()
    assert logits.grad.isfinite().all()
    assert distances.grad.isfinite().all()
    assert (logits.grad[ignored] == 0).all()


def test_half_precision_is_taken_as_it_comes() -> None:
    logits, distances, priors, truth, classes, _ = crowd(0)
    half = detection_loss(logits.bfloat16(), distances.bfloat16(), priors, truth, classes, DEFAULT)
    assert half.dtype == torch.float32
    whole = detection_loss(logits.bfloat16().float(), distances.bfloat16().float(), priors, truth, classes, DEFAULT)
    assert half == whole


def test_its_gradient_leads_to_the_boxes() -> None:
    """Of logits and distances themselves, without a network, for a figure and a look-alike."""
    priors, wanted = point_priors(96, 96), torch.tensor([[8.0, 8, 40, 40], [56, 48, 88, 80]])
    logits = torch.full((1, len(priors), 2), -4.6, requires_grad=True)
    distances = torch.ones(1, len(priors), 4, requires_grad=True)
    optimiser = torch.optim.Adam([logits, distances], 0.15)
    for _ in range(80):
        loss = detection_loss(logits, distances, priors, [wanted], [torch.tensor([0, 1])], DEFAULT)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    best = logits[0].argmax(0)
    assert (torch.sigmoid(logits[0, best, [0, 1]]) > 0.6).all()
    assert (torch.sigmoid(logits[0, best, [1, 0]]) < 0.1).all()
    assert (iou(decode(distances, priors)[0, best], wanted) > 0.75).all()

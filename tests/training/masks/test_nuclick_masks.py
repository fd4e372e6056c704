"""NuClick's masks: what the network is shown, and what becomes of its answers."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.arrays import CANDIDATE, paint_ellipse, plain
from training.data.regions import Region, in_memory
from training.mask_settings import MaskSettings
from training.masks.figure import FigureMask, paint
from training.masks.nuclick import NuClickMasks, patch


def region(
    figures: list[tuple[int, int]], look_alikes: list[tuple[int, int]] = (), width: int = 300, height: int = 200
) -> Region:
    pixels = plain(width, height)
    for x, y in figures:
        paint_ellipse(pixels, x, y, 9, 6)
    for x, y in look_alikes:
        paint_ellipse(pixels, x, y, 9, 6, CANDIDATE)
    made = in_memory("a", "a", "a", pixels, 0.25, np.array(figures, float).reshape(-1, 2))
    return replace(made, hard_negatives=np.array(look_alikes, float).reshape(-1, 2))


class Answer(nn.Module):
    """A network whose logits are a function of the patches; it keeps what it was given."""

    def __init__(self, logits: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.logits = logits
        self.given: list[Tensor] = []

    def forward(self, patches: Tensor) -> Tensor:
        assert not self.training
        self.given.append(patches)
        return self.logits(patches)


def dark(patches: Tensor) -> Tensor:
    """Positive on figures' pixels."""
    return 1.0 - patches[:, :3].sum(1, keepdim=True)


def masks_of(model: Answer, where: Region, **changes: float) -> list[FigureMask]:
    return list(NuClickMasks(model, torch.device("cpu"), MaskSettings(**changes))(where))


def test_a_patch_is_the_pixels_and_the_maps() -> None:
    here = region([(150, 100), (170, 90)], [(120, 130)])
    shown = patch(here, 0, (86, 36))
    assert (shown.shape, shown.dtype) == ((5, 128, 128), torch.float32)
    pixels = here.read(86, 36, 128, 128)
    torch.testing.assert_close(shown[:3], torch.from_numpy(pixels / 255).permute(2, 0, 1).float())
    assert torch.nonzero(shown[3]).tolist() == [[64, 64]]
    assert torch.nonzero(shown[4]).tolist() == [[54, 84], [94, 34]]


def test_each_figure_is_its_own_part() -> None:
    """Two figures in each other's patches; the network finds both each time."""
    figures = [(150, 100), (170, 120), (10, 4), (297, 192)]
    here = region(figures, [(120, 130)])
    masks = masks_of(Answer(dark), here)
    assert [mask.way for mask in masks] == ["nuclick"] * 4
    for figure, mask in zip(figures, masks, strict=True):
        alone = region([figure])
        expected = alone.read(0, 0, 300, 200)[..., 0] < 100
        np.testing.assert_array_equal(paint([mask], 0, 0, 300, 200), expected)


def test_clicks_are_shown_one_at_a_time_and_in_batches() -> None:
    figures = [(20 + 12 * number, 100) for number in range(19)]
    model = Answer(dark)
    assert len(masks_of(model, region(figures))) == 19
    assert [len(given) for given in model.given] == [8, 8, 3]
    shown = torch.cat(model.given)
    assert (shown[:, 3].sum((1, 2)) == 1).all()
    assert [int(torch.nonzero(one[3])[0, 1]) for one in shown[:4]] == [20, 32, 44, 56]


@pytest.mark.parametrize(
    "logits",
    [
        lambda patches: torch.full_like(patches[:, :1], -1.0),  # nothing
        lambda patches: torch.full_like(patches[:, :1], 1.0),  # everything
        lambda patches: dark(patches) - 9 * F.max_pool2d(patches[:, 3:4], 7, 1, 3),  # a figure, but 49 px at the click
        lambda patches: patches[:, 3:4] - 0.5,  # one pixel
    ],
)
def test_where_the_network_fails_there_is_a_disk(logits: Callable[[Tensor], Tensor]) -> None:
    (mask,) = masks_of(Answer(logits), region([(150, 100)]))
    assert (mask.way, mask.area_px, mask.x, mask.y) == ("disk", 441, 138, 88)


def test_a_small_hole_at_the_click_is_filled() -> None:
    """25 px."""
    model = Answer(lambda patches: dark(patches) - 9 * F.max_pool2d(patches[:, 3:4], 5, 1, 2))
    (mask,) = masks_of(model, region([(150, 100)]))
    assert mask.way == "nuclick"
    assert mask.mask.all(axis=0).any()


def test_the_threshold_is_one_half() -> None:
    """A logit of 0 is a probability of one half, and is not above it."""
    here = region([(150, 100)])
    assert masks_of(Answer(lambda patches: torch.where(dark(patches) > 0, 0.0, -1.0)), here)[0].way == "disk"
    found = masks_of(Answer(lambda patches: torch.where(dark(patches) > 0, 1e-3, -1e-3)), here)[0]
    assert found.way == "nuclick"


@pytest.mark.parametrize("threshold", [0.33, 0.9])
def test_another_threshold_is_that_of_the_probability(threshold: float) -> None:
    here, logit = region([(150, 100)]), float(np.log(threshold / (1 - threshold)))
    for away, way in ((-1e-3, "disk"), (1e-3, "nuclick")):
        model = Answer(lambda patches, away=away: torch.where(dark(patches) > 0, logit + away, -9.0))
        assert masks_of(model, here, nuclick_threshold=threshold)[0].way == way


def test_what_lies_beyond_a_small_region_is_not_of_the_mask() -> None:
    """The patch is larger than the region, which is reflected in it."""
    here = region([(50, 30)], width=56, height=40)
    (mask,) = masks_of(Answer(dark), here)
    expected = here.read(0, 0, 56, 40)[..., 0] < 100
    np.testing.assert_array_equal(paint([mask], 0, 0, 56, 40), expected)
    assert (mask.x + mask.mask.shape[1], mask.y + mask.mask.shape[0]) == (56, 37)


def test_a_region_without_figures_needs_no_network() -> None:
    model = Answer(dark)
    assert masks_of(model, region([], [(50, 50)])) == []
    assert model.given == []

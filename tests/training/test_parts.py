"""A batch in parts against the same batch undivided, and what is run when."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from training.loss_settings import LossSettings
from training.models.unet import UNet
from training.models.vm_unet import VMUNet
from training.parts import in_parts
from training.systems.segmentation import loss

DEPTHS = (1, 1, 1, 1)


def vm_unet(drop_path: float = 0.0) -> VMUNet:
    torch.manual_seed(0)
    return VMUNet(width=8, depths=DEPTHS, decoder_depths=DEPTHS, state_size=2, drop_path=drop_path)


def unet() -> UNet:
    torch.manual_seed(0)
    return UNet(width=4, levels=2)


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    """Eight tiles, the first three with figures: parts whose Dice losses have another mean than the batch's."""
    rng = torch.Generator().manual_seed(0)
    masks = torch.zeros(8, 1, 32, 32)
    masks[:3, :, 8:20, 8:20] = 1
    return torch.rand(8, 3, 32, 32, generator=rng) - masks, masks


def one_task(model: nn.Module) -> Callable[[Tensor], list[Tensor]]:
    return lambda tiles: [model(tiles)]


def gradients(model: nn.Module, logits: Tensor, masks: Tensor) -> dict[str, Tensor]:
    loss(logits, masks, LossSettings()).backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def by_hand(model: nn.Module, tiles: Tensor) -> Tensor:
    """Two parts and nothing forgotten in between."""
    return torch.stack([model(tiles[0::2]), model(tiles[1::2])], dim=1).flatten(0, 1)


@pytest.mark.parametrize("parts", [1, 2, 4, 8])
def test_parts_have_the_gradient_of_the_whole(batch: tuple[Tensor, Tensor], parts: int) -> None:
    tiles, masks = batch
    whole, cut = vm_unet(), vm_unet()
    expected = gradients(whole, whole(tiles), masks)
    found = gradients(cut, in_parts(one_task(cut), cut, tiles, parts)[0], masks)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_the_logits_stand_in_the_order_of_the_tiles(batch: tuple[Tensor, Tensor]) -> None:
    model = vm_unet()
    torch.testing.assert_close(in_parts(one_task(model), model, batch[0], 4)[0], model(batch[0]))


@pytest.mark.parametrize("build", [lambda: vm_unet(drop_path=0.5), unet])
def test_a_part_is_the_same_when_it_runs_again(batch: tuple[Tensor, Tensor], build: Callable[[], nn.Module]) -> None:
    """The same paths dropped; the same means and variances, which are counted once."""
    tiles, masks = batch
    plain, cut = build().train(), build().train()
    torch.manual_seed(3)
    expected = gradients(plain, by_hand(plain, tiles), masks)
    torch.manual_seed(3)
    found = gradients(cut, in_parts(one_task(cut), cut, tiles, 2)[0], masks)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(dict(cut.named_buffers()), dict(plain.named_buffers()))


def test_one_part_at_a_time_is_in_memory(batch: tuple[Tensor, Tensor]) -> None:
    """Two tiles are run at once, and each again in the backward pass, so that nothing was kept of them."""
    tiles, masks = batch
    model = vm_unet()
    sizes: list[int] = []
    model.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    logits = in_parts(one_task(model), model, tiles, 4)[0]
    assert sizes == [2, 2, 2, 2]
    gradients(model, logits, masks)
    assert sizes == [2] * 8


def test_nothing_runs_again_where_no_gradient_is_asked_for(batch: tuple[Tensor, Tensor]) -> None:
    model = vm_unet()
    with torch.no_grad():
        assert not in_parts(one_task(model), model, batch[0], 2)[0].requires_grad


def test_what_else_belongs_to_a_tile_goes_with_it() -> None:
    """Each tile times its own number, in parts of two."""
    model, tiles, numbers = nn.Identity(), torch.rand(6, 3, 4, 4), torch.arange(6.0)
    (found,) = in_parts(lambda part, of: [part * of.view(-1, 1, 1, 1)], model, tiles, 3, numbers)
    torch.testing.assert_close(found, tiles * numbers.view(-1, 1, 1, 1))

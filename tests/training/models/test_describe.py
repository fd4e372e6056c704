"""What a network costs, against published figures and torch's own counter."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.training.drawing import tiny_recipe
from training.models.build import build_model
from training.models.describe import describe
from training.recipe import load_recipe

SHAPES_512 = {
    "patch_embed": (1, 128, 128, 96),
    "layers.0": (1, 64, 64, 192),
    "layers.1": (1, 32, 32, 384),
    "layers.2": (1, 16, 16, 768),
    "layers.3": (1, 16, 16, 768),
    "layers_up.0": (1, 16, 16, 768),
    "layers_up.1": (1, 32, 32, 384),
    "layers_up.2": (1, 64, 64, 192),
    "layers_up.3": (1, 128, 128, 96),
    "final_up": (1, 512, 512, 24),
    "final_conv": (1, 1, 512, 512),
}


@pytest.mark.parametrize(("tile_px", "giga"), [(512, "16.27"), (256, "4.07")])
def test_the_published_network_costs_what_it_should(tile_px: int, giga: str) -> None:
    found = describe(load_recipe("vm_unet", [f"input.tile_px={tile_px}"]))
    assert (found.recipe, found.tile_px) == ("vm_unet", tile_px)
    assert (found.parameters, found.tensors) == (27_427_561, 222)
    assert f"{found.multiply_accumulates / 1e9:.2f}" == giga


def test_shapes_are_those_of_the_published_network() -> None:
    assert describe(load_recipe("vm_unet")).shapes == SHAPES_512


def test_products_of_a_u_net_are_those_that_torch_counts() -> None:
    recipe = tiny_recipe(model={"name": "unet", "width": 4, "levels": 2})
    with torch.device("meta"):
        model, tile = build_model(recipe.model).eval(), torch.empty(1, 3, 32, 32)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(tile)
    assert describe(recipe).multiply_accumulates == counter.get_total_flops() // 2


def test_products_are_those_that_torch_counts() -> None:
    recipe = tiny_recipe()
    with torch.device("meta"):
        model, tile = build_model(recipe.model).eval(), torch.empty(1, 3, 32, 32)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(tile)
    counted = counter.get_flop_counts()["Global"]
    operations = sum(count for operator, count in counted.items() if str(operator) != "aten.bmm")
    assert any(str(operator) == "aten.bmm" for operator in counted)  # the scan's projections, which are not counted
    assert describe(recipe).multiply_accumulates == operations // 2

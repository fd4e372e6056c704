"""What a network costs, against published figures and torch's own counter."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from algorithm.size import Size
from tests.training.drawing import drawn_region, tiny_recipe
from training.data.sampling import TileSampler
from training.models import selective_scan_native, selective_scan_triton
from training.models.build import build_model
from training.models.describe import Description, describe, run_cost
from training.models.selective_scan import STATES_AT_ONCE
from training.models.vm_unet import SS2D
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


@pytest.fixture(scope="module")
def published() -> Description:
    return describe(load_recipe("vm_unet"))


def test_the_published_network_costs_what_it_should(published: Description) -> None:
    assert (published.recipe, published.tile_px) == ("vm_unet", Size.square(512))
    assert (published.parameters, published.tensors) == (27_427_561, 222)
    assert f"{published.multiply_accumulates / 1e9:.2f}" == "16.27"


def test_shapes_are_those_of_the_published_network(published: Description) -> None:
    assert published.shapes == SHAPES_512


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


def test_operations_are_all_products_and_the_scan(published: Description) -> None:
    """VMamba's way of counting: 9 for each state and step of each block."""
    blocks = ((128, 96, 3), (64, 192, 4), (32, 384, 4), (16, 768, 4))  # side of the map, channels, blocks
    scan = sum(9 * side**2 * 4 * 2 * channels * 16 * count for side, channels, count in blocks)
    assert f"{(published.operations - scan) / 2e9:.2f}" == "21.15"  # 16.27 and the scan's projections
    unet = describe(load_recipe("unet"))
    assert unet.operations == 2 * unet.multiply_accumulates


@pytest.mark.skipif(not selective_scan_native.available(), reason="needs a C compiler")
@pytest.mark.parametrize("model", [{}, {"model": {"name": "unet", "width": 4, "levels": 2}}])
def test_activations_are_those_that_training_keeps(model: dict[str, object]) -> None:
    """As on this CPU, but for the states of the scan, which the kernels for GPUs keep more often."""
    recipe = tiny_recipe(**model)
    network = build_model(recipe.model).train()
    own = {parameter.data_ptr() for parameter in network.parameters()}
    lengths: list[tuple[int, int]] = []
    for module in network.modules():
        if isinstance(module, SS2D):
            module.register_forward_hook(
                lambda module, _, output: lengths.append((output[0, ..., 0].numel(), module.A_logs.numel()))
            )

    def kept_bytes(tiles: int) -> int:
        kept: dict[int, tuple[int, torch.Tensor]] = {}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in own:
                kept[storage.data_ptr()] = (storage.nbytes(), tensor)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            network(torch.zeros(tiles, 3, 32, 32))
        return sum(size for size, _ in kept.values())

    here = kept_bytes(2) - kept_bytes(1)
    longer, shorter = selective_scan_native.SEGMENT, selective_scan_triton.STEPS
    blocks = lengths[: len(lengths) // 2]
    more = sum(4 * states * (-(-length // shorter) - -(-length // longer)) for length, states in blocks)
    assert describe(recipe).activation_bytes == here + more


def test_describing_leaves_the_scan_as_it_was() -> None:
    recipe = tiny_recipe()
    model, tile = build_model(recipe.model).eval(), torch.rand(1, 3, 32, 32)
    before = model(tile)
    describe(recipe)
    torch.testing.assert_close(model(tile), before)


def test_half_precision_keeps_less_in_training_alone() -> None:
    whole, half = (describe(tiny_recipe(optimiser={"precision": kind})) for kind in ("float32", "bfloat16"))
    assert half.activation_bytes < whole.activation_bytes
    assert half.exported_bytes == whole.exported_bytes


def test_the_exported_graph_holds_several_maps_of_the_states_taken_at_once(published: Description) -> None:
    """Of the blocks at full resolution: inflows, decays, and what is made of them; of a sixth of the channels."""
    at_once = STATES_AT_ONCE * 4  # bytes of a number
    states = 128**2 * 4 * 192 * 16  # places, directions, channels, numbers of a state
    assert states == 6 * STATES_AT_ONCE
    assert 4 * at_once < published.exported_bytes < 6 * at_once


TILE = Description(
    recipe="",
    tile_px=Size.square(512),
    parameters=10,
    tensors=1,
    multiply_accumulates=0,
    operations=7,
    activation_bytes=1000,
    exported_bytes=0,
    shapes={},
)


def test_the_cost_of_a_run_as_published() -> None:
    cost = run_cost(load_recipe("vm_unet"), TILE)
    assert (cost.tiles, cost.operations) == (2_400_000, 2_400_000 * 3 * 7)
    assert cost.bytes == 4 * 4 * 10 + 24 * 1000
    assert (cost.region_tiles, cost.region_operations) == (3350, 3350 * 7)


def test_parts_cost_a_forward_pass_and_save_memory() -> None:
    cost = run_cost(load_recipe("vm_unet", ["optimiser.accumulate=4"]), TILE)
    assert (cost.operations, cost.bytes) == (2_400_000 * 4 * 7, 4 * 4 * 10 + 6 * 1000)


def test_tiles_that_are_drawn_to_choose_among_cost_a_forward_pass() -> None:
    recipe = load_recipe("vm_unet_small")
    sampler = TileSampler([[drawn_region("a")]], Size.square(96), 6.0, recipe.sampling)
    size, optimiser = recipe.optimiser.batch_size, recipe.optimiser
    assert sampler.drawn(size) > size
    passes = optimiser.epochs * optimiser.batches_per_epoch * (3 * size + sampler.drawn(size))
    assert run_cost(recipe, TILE).operations == 7 * passes


def test_a_region_has_fewer_tiles_at_a_coarser_resolution() -> None:
    fine, coarse = (load_recipe("vm_unet", [f"input.resolution_um_px={um}", "input.overlap=0"]) for um in (0.25, 0.5))
    assert (run_cost(fine, TILE).region_tiles, run_cost(coarse, TILE).region_tiles) == (15 * 11, 8 * 6)

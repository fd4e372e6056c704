"""What a network costs: parameters, tensors, operations, memory and the shapes it passes through."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from algorithm.size import Size
from algorithm.tiles import origins, stride_px
from training.models.build import build_model
from training.models.memory import kept_for_gradient, peak_of_export
from training.models.mitdet import MitDet
from training.models.multitask import Multitask
from training.models.vm_unet import SS2D
from training.recipe import AnyRecipe, SegmentationRecipe, TileRecipe

SCAN_OPERATIONS = 9
"""For each number of the state and each step, as Mamba's and VMamba's authors count them."""
REGION_PX, REGION_UM_PX = (7215, 5412), 0.25
"""The largest region of the challenge."""
FLOAT_BYTES = 4
COPIES = {"adamw": 4, "sgd": 3}
"""Of every parameter in training: itself, its gradient, and AdamW's two averages or the momentum."""


@dataclass(frozen=True)
class Description:
    """Counts for one tile.

    multiply_accumulates: of convolutions and linear layers alone, as the field counts them. operations: additions and
    multiplications of a forward pass in all products of matrices, in convolutions and in the scan. activation_bytes:
    what the pass leaves for the gradient, at the recipe's precision, where the scan is the project's own for GPUs.
    exported_bytes: what the exported graph, which scans in chunks, holds at once.
    """

    recipe: str
    tile_px: Size
    parameters: int
    tensors: int
    multiply_accumulates: int
    operations: int
    activation_bytes: int
    exported_bytes: int
    shapes: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class RunCost:
    """What a run of a recipe takes, without reading and augmenting its tiles.

    operations: in training; the way back counts as two forward passes. bytes: of parameters, their gradients and
    averages, and of the activations of the tiles that are in memory at once. region_tiles, region_operations: for
    searching one region of the challenge's largest size that is all tissue, as validation of a detector does after
    every epoch; None for a classifier, and where as many crops run as there are nuclei.
    """

    tiles: int
    operations: int
    bytes: int
    region_tiles: int | None
    region_operations: int | None


def describe(recipe: AnyRecipe) -> Description:
    """Runs a tile through the recipe's network as training and export do, with tensors that have shapes but no data."""
    shape = 3, recipe.size.height, recipe.size.width
    with torch.device("meta"):
        model = build_model(recipe.model)
        if isinstance(model, MitDet):
            model.efdmix.probability = 0.0  # it draws, which tensors without data cannot
        exported = peak_of_export(model.eval(), torch.empty(1, *shape))
    model.train()
    half = recipe.optimiser.precision == "bfloat16"
    with FakeTensorMode(allow_non_fake_inputs=True), torch.autocast("cpu", torch.bfloat16, enabled=half):
        model.to_empty(device="cpu")
        network = model.all_tasks if isinstance(model, Multitask) and model.segmentation is not None else model
        of_two = kept_for_gradient(model, network, torch.empty(2, *shape))
        counts = _count_in(model)
        with FlopCounterMode(display=False) as counter:
            of_one = kept_for_gradient(model, network, torch.empty(1, *shape))
    return Description(
        recipe=recipe.name,
        tile_px=recipe.size,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        tensors=len(model.state_dict()),
        multiply_accumulates=counts.products,
        operations=counter.get_total_flops() + counts.scanned,
        activation_bytes=of_two - of_one,  # without what does not grow with the tiles, as weights in half precision
        exported_bytes=exported,
        shapes=counts.shapes,
    )


def run_cost(recipe: AnyRecipe, tile: Description) -> RunCost:
    """Multiplies out what a tile costs, with one process."""
    settings = recipe.optimiser
    size, batches = settings.batch_size, settings.epochs * settings.batches_per_epoch
    passes = size * (3 if settings.accumulate == 1 else 4)  # parts go forward a second time
    region_tiles = None
    if isinstance(recipe, SegmentationRecipe):
        passes += _passes_of_choosing(recipe)
    if isinstance(recipe, TileRecipe):
        region_tiles = tiles_of_a_region(recipe)
    return RunCost(
        tiles=batches * size,
        operations=batches * passes * tile.operations,
        bytes=COPIES[settings.method] * FLOAT_BYTES * tile.parameters
        + size // settings.accumulate * tile.activation_bytes,
        region_tiles=region_tiles,
        region_operations=None if region_tiles is None else region_tiles * tile.operations,
    )


def _passes_of_choosing(recipe: SegmentationRecipe) -> int:
    """Where more negatives are drawn than kept, all go forward once, to choose among them."""
    size, sampling = recipe.optimiser.batch_size, recipe.sampling
    if sampling.negatives_drawn == 1:
        return 0
    return size + (size - round(size * sampling.positive_fraction)) * (sampling.negatives_drawn - 1)


def tiles_of_a_region(recipe: TileRecipe) -> int:
    tile = recipe.size
    sides = (round(side * REGION_UM_PX / recipe.input.resolution_um_px) for side in REGION_PX)
    steps = zip(sides, tile, stride_px(tile, recipe.input.overlap), strict=True)
    return math.prod(len(origins(*step)) for step in steps)


@dataclass
class _Counts:
    """What hooks have seen: multiply-accumulates of layers, operations of scans, shapes of stages."""

    products: int = 0
    scanned: int = 0
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)


def _count_in(model: nn.Module) -> _Counts:
    """Counts that grow when the model is called."""
    counts = _Counts()

    def layer(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        counts.products += _products(module, given[0], output)

    def scan(module: SS2D, _: Any, output: Tensor) -> None:
        counts.scanned += SCAN_OPERATIONS * output[..., 0].numel() * module.A_logs.numel()

    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            module.register_forward_hook(layer)
        elif isinstance(module, SS2D):
            module.register_forward_hook(scan)
        if _is_stage(name):
            module.register_forward_hook(lambda _, __, output, name=name: counts.shapes.update({name: _shape(output)}))
    return counts


def _products(module: nn.Module, given: Tensor, output: Tensor) -> int:
    """Each number of the output, of a transposed convolution each number given, meets one slice of the weights."""
    weight = module.get_parameter("weight")
    numbers = given if isinstance(module, nn.ConvTranspose2d) else output
    return numbers.numel() * (weight.numel() // weight.shape[0])


def _shape(output: Tensor | Sequence[Any]) -> tuple[int, ...]:
    """Of what a stage hands on: the coarsest of several maps and, where a map is several tensors, the last."""
    while not isinstance(output, Tensor):
        output = output[-1]
    return tuple(output.shape)


def _is_stage(name: str) -> bool:
    """Modules of the first level, and the entries of its lists: the stages of a network."""
    parts = name.split(".")
    return name != "" and (len(parts) == 1 or (len(parts) == 2 and parts[1].isdigit()))

"""What a network costs: parameters, tensors, multiply-accumulates and the shapes it passes through."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.models.build import build_model
from training.recipe import Recipe


@dataclass(frozen=True)
class Description:
    """Counts for one tile. multiply_accumulates: of convolutions and linear layers alone, as the field counts them."""

    recipe: str
    tile_px: int
    parameters: int
    tensors: int
    multiply_accumulates: int
    shapes: dict[str, tuple[int, ...]]


def describe(recipe: Recipe) -> Description:
    """Runs one tile through the recipe's network without data (on torch's meta device)."""
    with torch.device("meta"):
        model = build_model(recipe.model).eval()
        tile = torch.empty(1, 3, recipe.input.tile_px, recipe.input.tile_px)
    shapes: dict[str, tuple[int, ...]] = {}
    counted = 0

    def count(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal counted
        counted += _products(module, given[0], output)

    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            module.register_forward_hook(count)
        if _is_stage(name):
            module.register_forward_hook(lambda _, __, output, name=name: shapes.update({name: tuple(output.shape)}))
    with torch.no_grad():
        model(tile)
    return Description(
        recipe=recipe.name,
        tile_px=recipe.input.tile_px,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        tensors=len(model.state_dict()),
        multiply_accumulates=counted,
        shapes=shapes,
    )


def _products(module: nn.Module, given: Tensor, output: Tensor) -> int:
    """Each number of the output, of a transposed convolution each number given, meets one slice of the weights."""
    weight = module.get_parameter("weight")
    numbers = given if isinstance(module, nn.ConvTranspose2d) else output
    return numbers.numel() * (weight.numel() // weight.shape[0])


def _is_stage(name: str) -> bool:
    """Modules of the first level, and the entries of its lists: the stages of a network."""
    parts = name.split(".")
    return name != "" and (len(parts) == 1 or (len(parts) == 2 and parts[1].isdigit()))

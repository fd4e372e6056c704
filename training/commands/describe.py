"""`describe RECIPE`: what a recipe's network costs."""

import argparse
import dataclasses
import json

from algorithm.commands.console import say
from training.commands.arguments import Commands, add_overrides, add_recipe


def add_to(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("describe", help="what a recipe's network costs")
    add_recipe(parser)
    add_overrides(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    speed = "what the machine keeps up, in 10^12 operations a second: says times too"
    parser.add_argument("--teraflops", type=_speed, metavar="X", help=speed)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print parameters, operations, memory and the shapes of the stages."""
    from training.models.describe import describe, run_cost
    from training.recipe import SegmentationRecipe, load_recipe

    recipe = load_recipe(arguments.recipe, arguments.overrides)
    found = describe(recipe)
    cost = run_cost(recipe, found)
    if arguments.json:
        tile = dataclasses.asdict(found) | {"tile_px": found.tile_px.written}
        say(json.dumps({**tile, "run": dataclasses.asdict(cost)}))
        return 0
    products = f"{found.multiply_accumulates / 1e9:.2f} G multiply-accumulates"
    say(f"{found.recipe}: {found.parameters:,} parameters in {found.tensors} tensors")
    say(f"{products} (convolutions and linear layers) a tile of {found.tile_px} px")
    say(f"{found.operations / 1e9:.2f} G operations a tile, with all products of matrices and the scan")
    kept, exported = found.activation_bytes / 1e9, found.exported_bytes / 1e9
    say(f"{kept:.3f} GB a tile kept for its gradient in training, {exported:.3f} GB held at once by the exported graph")
    training = _with_time(cost.operations, arguments.teraflops)
    most = "at most " if recipe.optimiser.patience else ""
    if isinstance(recipe, SegmentationRecipe) and recipe.sampling.epoch == "literal":
        most = f"were an epoch {recipe.optimiser.batches_per_epoch:,} batches, which the data decide, {most}"
    say(f"training: {most}{cost.tiles:,} tiles, {training}; {cost.bytes / 1e9:.1f} GB and what each step needs besides")
    if cost.region_operations is not None:
        region = _with_time(cost.region_operations, arguments.teraflops)
        say(f"searching a region of the largest size: {cost.region_tiles:,} tiles, {region}")
    for name, shape in found.shapes.items():
        say(f"  {name:<16} {' x '.join(str(size) for size in shape[1:])}")
    return 0


def _with_time(operations: int, teraflops: float | None) -> str:
    """Operations, and how long they take at a speed."""
    text = f"{operations / 1e12:,.1f} T operations"
    if teraflops is None:
        return text
    seconds = operations / teraflops / 1e12
    return f"{text}, {seconds / 3600:,.1f} h" if seconds >= 3600 else f"{text}, {seconds:.1f} s"


def _speed(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no speed: give a number above 0")
    return value

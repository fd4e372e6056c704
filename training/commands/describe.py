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
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print parameters, operations and the shapes of the stages."""
    from training.models.describe import describe
    from training.recipe import load_recipe

    found = describe(load_recipe(arguments.recipe, arguments.overrides))
    if arguments.json:
        say(json.dumps(dataclasses.asdict(found)))
        return 0
    products = f"{found.multiply_accumulates / 1e9:.2f} G multiply-accumulates"
    say(f"{found.recipe}: {found.parameters:,} parameters in {found.tensors} tensors")
    say(f"{products} (convolutions and linear layers) a {found.tile_px}-px tile")
    for name, shape in found.shapes.items():
        say(f"  {name:<16} {' x '.join(str(size) for size in shape[1:])}")
    return 0

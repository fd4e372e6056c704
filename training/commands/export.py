"""`export RUN... --card CARD --output BUNDLE`: make a bundle of one run, or an ensemble of several."""

import argparse
from pathlib import Path

from algorithm.commands.console import say
from training.commands.arguments import Commands


def add_to(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("export", help="make a bundle of one run, or an ensemble of several")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folders of runs of one recipe")
    parser.add_argument("--output", type=Path, required=True, metavar="BUNDLE", help="the bundle's folder, new")
    parser.add_argument("--card", type=Path, required=True, help="YAML: name, version, datasets, intended_use")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the bundle and say how near its graphs are to the checkpoints."""
    from training.export import export, read_card

    difference = export(arguments.runs, read_card(arguments.card), arguments.output)
    say(f"{arguments.output}: {len(arguments.runs)} members, logits within {difference:.1e} of the checkpoints")
    return 0

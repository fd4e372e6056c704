"""`export RUN... --card CARD --output BUNDLE`: make a bundle of one run, or an ensemble of several."""

import argparse
from pathlib import Path

from algorithm.commands.console import UsageError, say
from training.commands.arguments import Commands, add_data


def add_to(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("export", help="make a bundle of one run, or an ensemble of several")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folders of runs of one recipe")
    parser.add_argument("--output", type=Path, required=True, metavar="BUNDLE", help="the bundle's folder, new")
    parser.add_argument("--card", type=Path, required=True, help="YAML: name, version, datasets, intended_use")
    add_data(parser, "the runs' data sets: choose the ensemble's threshold on slides that no run saw", required=False)
    parser.add_argument(
        "--weights",
        choices=("float32", "float16"),
        default="float32",
        help="float16 rounds kernels and matrices to 16 bits, for a bundle of half the size; default float32",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the bundle and say how near its graphs are to the checkpoints."""
    from training.bundles.card import read_card
    from training.export import export
    from training.revalidate import recipe_of_run
    from training.systems.build import read_for

    if arguments.data and len(arguments.runs) < 2:
        raise UsageError("One run has its threshold already: --data chooses that of an ensemble. Leave it out.")
    card, data = read_card(arguments.card), None
    if arguments.data:
        data = read_for(recipe_of_run(arguments.runs[0], []), arguments.data, [], arguments.spacing_um)
    parity = export(arguments.runs, card, arguments.output, data, arguments.weights)
    difference = parity["largest_logit_difference"]
    megabytes = sum(file.stat().st_size for file in arguments.output.rglob("*") if file.is_file()) / 1e6
    made = f"{arguments.output}: {len(arguments.runs)} members, {megabytes:.1f} MB in all"
    say(f"{made}, logits within {difference:.1e} of the checkpoints")
    if "largest_probability_rounding" in parity:
        say(f"weights of 16 bits: they move a probability by {parity['largest_probability_rounding']:.2g} at most")
    return 0

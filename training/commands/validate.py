"""`validate RUN --data ...`: measure a run on its held-out fold with other tiles or thresholds."""

import argparse
from pathlib import Path

from algorithm.commands.console import say
from training.commands.arguments import Commands, add_data, add_overrides


def add_to(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("validate", help="measure a run on its held-out fold with other tiles or thresholds")
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="the run's folder")
    add_overrides(parser, "as input.overlap=0.5, postprocess.centre=box, second_stage=BUNDLE")
    add_data(parser, "the data sets of the run; AMi-Br's patches count only where no whole region is held out")
    parser.add_argument("--keep", action="store_true", help="export with these settings from now on")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Say the figures on what chooses the epoch, and on the domain that was held out, if one was."""
    from training.figures_line import figures_line
    from training.revalidate import recipe_of_run, revalidate
    from training.systems.build import read_for

    recipe = recipe_of_run(arguments.run_folder, arguments.overrides)
    data = read_for(recipe, arguments.data, [], arguments.spacing_um)
    found = revalidate(arguments.run_folder, recipe, data, arguments.keep)
    say(f"{figures_line(found, 'validation')} at threshold {found['threshold']}")
    if any(key.startswith("tested_") for key in found):
        say(f"held-out domain: {figures_line(found, 'tested')}")
    return 0

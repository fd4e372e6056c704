"""`folds DATA... --by domain --output folds.csv`: which case is in which fold, from the annotations alone."""

import argparse
from pathlib import Path

from algorithm.commands.console import UsageError, say
from training.commands.arguments import DATA, Commands

FOLDS = 5


def add_to(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("folds", help="which case is in which fold; needs no images")
    parser.add_argument("data", type=Path, nargs="+", metavar="DATA", help=DATA)
    parser.add_argument(
        "--by", choices=("slide", "domain", "domain+scanner"), default="slide", help="what no two folds share"
    )
    parser.add_argument("--folds", type=_count, metavar="N", help=f"how many by slide; {FOLDS} if not given")
    parser.add_argument("--output", type=Path, required=True, metavar="CSV", help="the table of cases")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the table of cases and print that of folds."""
    from rich.console import Console

    from training.data.fold_tables import table_of_folds, write_cases
    from training.data.folds import make_folds
    from training.data.read import read_cases

    if arguments.folds is not None and arguments.by != "slide":
        raise UsageError(f"By {arguments.by} there are as many folds as domains: leave --folds out.")
    cases, summary = read_cases(arguments.data)
    folds = make_folds(cases, arguments.by, arguments.folds or FOLDS)
    write_cases(arguments.output, cases, folds)
    say("\n".join(summary))
    Console().print(table_of_folds(cases, folds))
    return 0


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"{text} is no number of folds: give 2 or more")
    return int(text)

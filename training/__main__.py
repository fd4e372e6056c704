"""The command line: `python -m training COMMAND`; its commands are the files of training/commands.

Exit codes: 0 done, 1 failed, 2 usage.
"""

import argparse
import sys

from algorithm.commands.console import UsageError, complain
from algorithm.errors import AlgorithmError
from training.commands import describe, export, fit, folds, import_weights, make_masks, mine, validate

FAILED, USAGE = 1, 2


def main(words: list[str] | None = None) -> int:
    """Run a command and return its exit code; what a user can mend is one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m training", description="Train detectors and export them.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (fit, validate, export, describe, folds, import_weights, make_masks, mine):
        command.add_to(commands)
    arguments = _parse(parser, words)
    try:
        code: int = arguments.run(arguments)
    except UsageError as error:
        complain(f"error: {error}")
        return USAGE
    except AlgorithmError as error:
        complain(f"error: {error}")
        return FAILED
    return code


def _parse(parser: argparse.ArgumentParser, words: list[str] | None) -> argparse.Namespace:
    """As argparse does, but with overrides before and after the options: argparse alone takes them in one place."""
    arguments, rest = parser.parse_known_args(words)
    foreign = [word for word in rest if "overrides" not in arguments or word.startswith("-") or "=" not in word]
    if foreign:
        parser.error(f"unrecognized arguments: {' '.join(foreign)}")
    if rest:
        arguments.overrides = [*arguments.overrides, *rest]
    return arguments


if __name__ == "__main__":
    sys.exit(main())

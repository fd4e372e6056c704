"""The command line: `python -m algorithm detect | classify | validate | doctor`.

Exit codes: 0 done, 1 failed, 2 usage, 3 some of many inputs failed.
"""

import argparse
import sys
from collections.abc import Sequence

from algorithm import __version__
from algorithm.commands import classify, detect, doctor, validate
from algorithm.commands.console import UsageError, complain
from algorithm.errors import AlgorithmError

FAILED, USAGE = 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; what a user can mend is one line on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m algorithm", description="Mitotic figures in H&E images. For research use only."
    )
    parser.add_argument("--version", action="version", version=f"anaphase {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (detect, classify, validate, doctor):
        command.add_to(commands)
    arguments = parser.parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except UsageError as error:
        complain(f"error: {error}")
        return USAGE
    except AlgorithmError as error:
        complain(f"error: {error}")
        return FAILED
    return code


if __name__ == "__main__":
    sys.exit(main())

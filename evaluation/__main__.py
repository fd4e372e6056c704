"""The container's entry and the command line: `python -m evaluation [COMMAND]`.

Without a command a submission is scored as the challenge does it, from /input and to /output; the commands score
folders of results for people. Exit codes: 0 done, 1 failed, 2 usage.
"""

import argparse
import sys
from collections.abc import Sequence

from evaluation.commands import classification, detection, official
from evaluation.errors import EvaluationError

FAILED = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; what a user can mend is on stderr, a line each."""
    parser = argparse.ArgumentParser(
        prog="python -m evaluation",
        description="Scores of mitotic figures as the MIDOG 2025 challenge computes them. For research use only.",
    )
    official.add(parser)
    parser.set_defaults(run=official.run)
    commands = parser.add_subparsers(metavar="COMMAND")
    for command in (detection, classification):
        command.add(commands)
    arguments = parser.parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except EvaluationError as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        return FAILED
    return code


if __name__ == "__main__":
    sys.exit(main())

"""`validate FILE`: hold a result against the platform's schema and the official evaluator's rules."""

import argparse
from pathlib import Path
from typing import Any

from algorithm.commands.console import say
from algorithm.contract import MITOTIC_FIGURE, validate_points_document
from algorithm.strict_json import read_json

RESULT_MAX_BYTES = 256_000_000


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("validate", help="check a mitotic-figures.json as the platform and evaluator would")
    parser.add_argument("file", type=Path, metavar="FILE", help="the file to check")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Say what the file holds; raises InputError or ContractError, naming the first offending item."""
    document: Any = read_json(arguments.file, RESULT_MAX_BYTES)
    validate_points_document(document)
    names = [point["name"] for point in document["points"]]
    say(f"{arguments.file} is valid: {names.count(MITOTIC_FIGURE)} mitotic figures of {len(names)} points.")
    return 0

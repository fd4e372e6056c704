"""`validate FILE`: hold a result against the platform's schema and the official evaluators' rules."""

import argparse
from pathlib import Path
from typing import Any

from algorithm.commands.console import say
from algorithm.contract import ATYPICAL, MITOTIC_FIGURE, validate_classes_document, validate_points_document
from algorithm.strict_json import read_json

RESULT_MAX_BYTES = 256_000_000


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("validate", help="check a result as the platform and the evaluator would")
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="a mitotic-figures.json or multiple-mitotic-figure-classification.json"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Say what the file holds; raises InputError or ContractError, naming the first offending item.

    A list is a document of classes, anything else one of points, whatever the file is called.
    """
    document: Any = read_json(arguments.file, RESULT_MAX_BYTES)
    if isinstance(document, list):
        validate_classes_document(document)
        classes = [item["class"] for item in document]
        found = f"{classes.count(ATYPICAL)} atypical of {len(classes)} figures"
    else:
        validate_points_document(document)
        names = [point["name"] for point in document["points"]]
        found = f"{names.count(MITOTIC_FIGURE)} mitotic figures of {len(names)} points"
    say(f"{arguments.file} is valid: {found}.")
    return 0

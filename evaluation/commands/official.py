"""No command: a submission scored as the challenge does it, at the platform's places."""

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evaluation.contract import GROUND_TRUTH, INPUT_FOLDER, METRICS_FILE, OUTPUT_FOLDER
from evaluation.errors import EvaluationError
from evaluation.strict_json import write_json
from evaluation.submission import evaluate

ENDED_BY_SIGTERM = 128 + signal.SIGTERM


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--input", type=Path, default=INPUT_FOLDER, metavar="DIR", help="the submission: predictions.json and answers"
    )
    parser.add_argument(
        "--ground-truth", type=Path, default=GROUND_TRUTH, metavar="PATH", help="ground_truth.json, or its folder"
    )
    parser.add_argument(
        "--output", type=Path, default=OUTPUT_FOLDER, metavar="DIR", help="where metrics.json is written"
    )


def run(arguments: argparse.Namespace) -> int:
    """Score the submission and write metrics.json, whole or not at all.

    Raises EvaluationError for whatever is wrong with the submission or the ground truth.
    """
    truth: Path = arguments.ground_truth
    path: Path = arguments.output / METRICS_FILE
    if not arguments.output.is_dir():
        raise EvaluationError(f"{arguments.output} is no folder to write {METRICS_FILE} to.")
    with _ending_on_sigterm():
        outcome = evaluate(arguments.input, truth / GROUND_TRUTH.name if truth.is_dir() else truth)
        write_json(path, outcome.document)
    for note in outcome.notes:
        sys.stderr.write(f"note: {note}\n")
    sys.stdout.write(f"{path}\n")
    return 0


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """Let SIGTERM end the run as an exception does, so that what is half written is taken away."""

    def end(*_: object) -> None:
        sys.exit(ENDED_BY_SIGTERM)

    previous = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)

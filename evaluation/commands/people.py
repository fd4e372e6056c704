"""What the commands for people share: their arguments, the reading of results, the writing of what they found."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from evaluation.bootstrap import DRAWS, LEVEL, Estimate
from evaluation.comparison import Comparison
from evaluation.contract import METRICS_FILE
from evaluation.errors import EvaluationError
from evaluation.output_folder import write_folder
from evaluation.results import find_results
from evaluation.wording import number, signed

REPORT_FILE = "report.html"
FILES = (METRICS_FILE, REPORT_FILE)
OUTPUT = Path("evaluation-results")
T = TypeVar("T")
Case = TypeVar("Case")


def add_arguments(parser: argparse.ArgumentParser, answer_file: str, truths: str) -> None:
    """Declare the arguments that both commands take."""
    parser.add_argument(
        "--predictions",
        type=Path,
        required=True,
        metavar="DIR",
        help=f"results: <stem of image>/{answer_file} or <stem of image>.json",
    )
    parser.add_argument("--ground-truth", type=Path, required=True, metavar="FILE", help=truths)
    parser.add_argument(
        "--output",
        type=Path,
        default=OUTPUT,
        metavar="DIR",
        help=f"where {METRICS_FILE} and {REPORT_FILE} are written (%(default)s)",
    )
    parser.add_argument("--against", type=Path, metavar="DIR", help="another system's results, to compare with")
    parser.add_argument(
        "--only-answered", action="store_true", help="leave out images without a result; else they are an error"
    )


def read_answers(
    folder: Path, images: Collection[str], answer_file: str, only_answered: bool, read: Callable[[str, Path], Case]
) -> list[Case]:
    """The case of each image that has a result, in the order of the ground truth.

    Says on stderr which results are of no image of the ground truth. Raises EvaluationError with a line for each result
    that cannot be taken.
    """
    results = find_results(folder, images, answer_file, only_answered)
    for path in results.ignored:
        sys.stderr.write(f"note: {path} is ignored: no such image is in the ground truth.\n")
    left_out = len(images) - len(results.files)
    if left_out:
        sys.stderr.write(f"note: {left_out} of {len(images)} images have no result in {folder} and are left out.\n")
    cases: list[Case] = []
    problems: list[str] = []
    for name, path in results.files.items():
        try:
            cases.append(read(name, path))
        except EvaluationError as error:
            problems += error.problems
    if problems:
        raise EvaluationError(*problems)
    return cases


def watched(items: Collection[T], title: str) -> Iterable[T]:
    """The items, with a progress bar on stderr where that is a terminal."""
    disable = not sys.stderr.isatty()
    return track(items, description=title, console=Console(stderr=True), transient=True, disable=disable)


def write(output: Path, task: str, sources: object, summary: object, page: str) -> None:
    """Write both files, whole or not at all."""
    metrics = {
        "task": task,
        "sources": sources,
        "intervals": {"level": LEVEL, "draws": DRAWS, "drawn": "cases, with replacement"},
        "summary": summary,
    }
    text = json.dumps(metrics, default=_plain, indent=1, allow_nan=False) + "\n"
    write_folder(output, {METRICS_FILE: text, REPORT_FILE: page})


def say_where(output: Path) -> None:
    """The places of both files, on stdout."""
    sys.stdout.write("".join(f"{output / name}\n" for name in FILES))


def show(title: str, headings: Collection[str], rows: Iterable[Collection[str]]) -> None:
    """A table on stdout, its first column to the left, the others to the right."""
    table = Table(title=Text(title), title_justify="left")
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left", no_wrap=place > 0)
    for row in rows:
        table.add_row(*[Text(cell) for cell in row])  # as text, so that no name is taken for markup
    Console().print(table)


def show_comparison(
    labels: Mapping[str, str],
    measures: Mapping[str, Estimate],
    others: Mapping[str, Estimate],
    differences: Mapping[str, Comparison],
) -> None:
    """The table of two systems, a row for each measure."""
    rows = [
        (
            labels[name],
            number(measures[name].value),
            number(others[name].value),
            signed(each.difference),
            "" if each.interval is None else " to ".join(signed(end) for end in each.interval),
            number(each.p_value, 4),
        )
        for name, each in differences.items()
    ]
    show("Compared", ("", "this", "other", "difference", f"{LEVEL:.0%} interval", "p"), rows)


def shown(estimate: Estimate) -> str:
    """A value with its interval, in one cell."""
    interval = "" if estimate.interval is None else " ({:.3f} to {:.3f})".format(*estimate.interval)
    return number(estimate.value) + interval


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no place in {METRICS_FILE}")

"""What a person reads: answers on stdout, complaints and the progress bar on stderr."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from algorithm.classifier import Classifier, Counter
from algorithm.detectors import Detector
from algorithm.detectors import Progress as TileProgress
from algorithm.second_stage import SecondStage


class UsageError(Exception):
    """A command line that asks for what cannot be; ends with exit code 2 before any work."""


def say(text: str) -> None:
    """A line on stdout."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_json(document: object) -> None:
    """A JSON document on stdout, for scripts."""
    say(json.dumps(document, indent=1, allow_nan=False))


def complain(text: str) -> None:
    """A line on stderr."""
    sys.stderr.write(text + "\n")


def introduction(model: Detector | SecondStage | Classifier, chosen_by: str) -> str:
    """Which bundle is at work, who chose it, and on which device."""
    manifest = model.bundle.manifest
    return (
        f"bundle {manifest.name} {manifest.version} ({chosen_by}: {model.bundle.path}), "
        f"device {model.device} ({', '.join(model.providers)})"
    )


@contextmanager
def counting_bar(title: str, total: int, unit: str = "figures") -> Iterator[Counter]:
    """A bar on stderr in figures, or what else is counted; gone when done, nothing where stderr is no terminal."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} " + unit),
        TimeRemainingColumn(),
    )
    disable = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=disable) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def progress_bar(title: str) -> Iterator[TileProgress]:
    """A bar in tiles and mm2 on stderr, gone when done; nothing at all where stderr is no terminal."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} tiles"),
        TextColumn("{task.fields[mm2_done]:.2f}/{task.fields[mm2_total]:.2f} mm2"),
        TimeRemainingColumn(),
    )
    disable = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=disable) as bar:
        task = bar.add_task(title, total=1, mm2_done=0.0, mm2_total=0.0)

        def advance(tiles_done: int, tiles_total: int, mm2_done: float, mm2_total: float) -> None:
            bar.update(task, completed=tiles_done, total=tiles_total, mm2_done=mm2_done, mm2_total=mm2_total)

        yield advance

"""What a person reads: answers on stdout, complaints and progress bars on stderr."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from algorithm.classifier import Classifier, Counter
from algorithm.detectors import Detector, Judging
from algorithm.detectors import Progress as TileProgress
from algorithm.detectors.second_stage import SecondStage


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
    with _bars() as bars:
        task = bars.add_task(title, total=total, unit=unit)
        yield lambda done: bars.update(task, completed=done)


@contextmanager
def progress_bars(title: str) -> Iterator[tuple[TileProgress, Judging]]:
    """Likewise a bar in tiles and mm2, and one in detections that appears where a second stage judges them."""
    with _bars() as bars:
        tiles = bars.add_task(title, total=1, unit="tiles")
        detections = bars.add_task(title, total=1, unit="detections", visible=False)

        def advance(tiles_done: int, tiles_total: int, mm2_done: float, mm2_total: float) -> None:
            unit = f"tiles {mm2_done:.2f}/{mm2_total:.2f} mm2"
            bars.update(tiles, completed=tiles_done, total=tiles_total, unit=unit)

        def judge(done: int, total: int) -> None:
            bars.update(detections, completed=done, total=total, visible=True)

        yield advance, judge


def _bars() -> Progress:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} {task.fields[unit]}"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())

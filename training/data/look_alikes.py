"""The file of mined look-alikes: a line each, which a person may take out, in px of the image as it was published."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from algorithm.errors import InputError
from training.data.regions import Region
from training.whole_file import write_whole

MINE = "Mine again: python -m training mine."


@dataclass(frozen=True)
class LookAlike:
    """What a run took for something where no mitotic figure is.

    data_set: the folder's name; region: of `width` x `height` px, its name there; x, y: px of it; score: the run's;
    mined_in: the number of the round, from 1; run: the folder of the run, as it was given.
    """

    data_set: str
    region: str
    width: int
    height: int
    x: float
    y: float
    score: float
    mined_in: int
    run: str


COLUMNS = tuple(field.name for field in fields(LookAlike))


def write_look_alikes(path: Path, found: Sequence[LookAlike]) -> None:
    """A CSV with a line each. Raises AlgorithmError where it cannot be written."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for each in found:
        writer.writerow({**asdict(each), "x": f"{each.x:.1f}", "y": f"{each.y:.1f}", "score": f"{each.score:.3f}"})
    write_whole(path, text.getvalue().encode())


def read_look_alikes(path: Path) -> list[LookAlike]:
    """Raises InputError for a file that cannot be read, and for a line that is none of `mine`."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            columns, rows = tuple(reader.fieldnames or ()), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {error}.", MINE) from error
    if columns != COLUMNS:
        raise InputError(f"{path} has no look-alikes: its first line is not {','.join(COLUMNS)}.", MINE)
    return [_look_alike(row, f"{path}, line {number}") for number, row in enumerate(rows, start=2)]


def with_look_alikes(
    regions: Sequence[Region], data_set: str, found: Sequence[LookAlike], where: str = ""
) -> list[Region]:
    """The regions of a data set, each with its mined look-alikes among its hard negatives.

    where: the file that they come from, for errors. Raises InputError where the data set has no such region, or one of
    another size.
    """
    of: dict[str, list[LookAlike]] = {}
    for each in found:
        if each.data_set == data_set:
            of.setdefault(each.region, []).append(each)
    known = {region.name: region for region in regions}
    for name, mined in of.items():
        if name not in known:
            raise InputError(f"{where}: {data_set} has no {name}.", MINE)
        sizes = {(each.width, each.height) for each in mined} - {(known[name].width, known[name].height)}
        if sizes:
            width, height = sizes.pop()
            now = f"{known[name].width} x {known[name].height}"
            raise InputError(f"{where}: {name} of {data_set} had {width} x {height} px and has {now} now.", MINE)
    return [_with(region, of[region.name]) if region.name in of else region for region in regions]


def _with(region: Region, mined: Sequence[LookAlike]) -> Region:
    points = np.array([(each.x, each.y) for each in mined])
    return replace(region, hard_negatives=np.concatenate((region.hard_negatives, points)))


def _look_alike(row: dict[str | Any, Any], where: str) -> LookAlike:
    """Text to numbers; a point lies within its region."""
    try:
        if set(row) != set(COLUMNS) or None in row.values():
            raise ValueError(f"it has not {len(COLUMNS)} entries")
        whole = {key: int(row[key]) for key in ("width", "height", "mined_in")}
        made = LookAlike(**{**row, **whole, **{key: float(row[key]) for key in ("x", "y", "score")}})
        if not (0 <= made.x < made.width and 0 <= made.y < made.height):
            raise ValueError("its point lies off the region")
    except ValueError as error:
        raise InputError(f"{where} is no look-alike: {error}.", MINE) from error
    return made

"""The tables of a SlideRunner database: its slides, and its annotations with the class that experts agree on."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from algorithm.errors import InputError
from training.data.regions import Points

NOT_AGREED = "not agreed on"
"""What annotations are called that have no class: SlideRunner gives none where the labels of experts differ."""
CLASSES = {
    "figure": ("mitotic figure", "mitosis", "mitose"),
    "hard negative": (
        *("mitotic cell look-alike", "mitotic figure look-alike", "mitosis look-alike", "mitosis-like", "mitose-like"),
        *("non-mitotic cell", "non-mitotic figure", "non-mitotic", "non-mitosis", "not mitotic figure"),
        "hard negative",
    ),
    "other": (
        *("granulocyte", "eosinophilic granulocyte", "eosinophil", "tumor cell", "mast cell", "neoplastic mast cell"),
        *("non-mitotic neoplastic mast cell", "binucleated cell", "multinucleated cell", "ambiguous", "other"),
        *("other/ambiguous", "unknown", NOT_AGREED),
    ),
    "outline": ("tumor region", "tumorzone", "exclude from tumor region"),
}
"""Names by what they mean here. Other cells and outlines of tissue say nothing of mitotic figures."""

# SlideRunner adds the column of deleted rows when it first opens an older database, so a published one may lack it.
ANNOTATIONS = """
    SELECT a.slide, a.agreedClass, {deleted},
        (MIN(coordinateX) + MAX(coordinateX)) / 2.0, (MIN(coordinateY) + MAX(coordinateY)) / 2.0
    FROM Annotations AS a LEFT JOIN Annotations_coordinates AS c ON c.annoId = a.uid
    GROUP BY a.uid ORDER BY a.uid
"""


@dataclass(frozen=True, eq=False)
class AnnotatedSlide:
    """A slide by its file's name. figures, hard_negatives: (N, 2) float64, x then y, px at level 0.

    cells: how many of any class are annotated, deleted ones aside.
    """

    file_name: str
    figures: Points
    hard_negatives: Points
    cells: int


@dataclass(frozen=True)
class Slides:
    """What a database says. deleted: rows left out as such. others: annotations of each other class."""

    slides: list[AnnotatedSlide]
    deleted: int
    others: Counter[str]


def database_of(folder: Path) -> Path:
    """The one database in a folder. Raises InputError where there are several, as in the published folders."""
    paths = sorted(folder.glob("*.sqlite"))
    if len(paths) != 1:
        names = ", ".join(path.name for path in paths) or "none"
        raise InputError(f"{folder} must hold one database and holds {names}.", "Leave the one to be read.")
    return paths[0]


def read_slides(path: Path) -> Slides:
    """The slides of a database in its order, each annotation at the centre of its point, box, circle or outline.

    Raises InputError for a file that is no database of SlideRunner's, and for an annotation of an unknown class.
    """
    with _opened(path) as database:
        names = dict(database.execute("SELECT uid, filename FROM Slides ORDER BY uid").fetchall())
        classes = {
            None: NOT_AGREED,
            0: NOT_AGREED,
            **dict(database.execute("SELECT uid, name FROM Classes").fetchall()),
        }
        columns = {row[1] for row in database.execute("PRAGMA table_info(Annotations)")}
        query = ANNOTATIONS.format(deleted="a.deleted" if "deleted" in columns else "0")
        rows = database.execute(query).fetchall()
    points: dict[tuple[int, str], list[tuple[float, float]]] = defaultdict(list)
    cells: Counter[int] = Counter()
    others: Counter[str] = Counter()
    for slide, number, deleted, x, y in rows:
        if deleted:
            continue
        name = str(classes.get(number, f"class {number}"))
        kind = _kind(path, name)
        cells[slide] += kind != "outline"
        if kind in ("other", "outline"):
            others[name] += 1
        elif x is None:
            others[f"{name} without a place"] += 1
        else:
            points[slide, kind].append((x, y))
    slides = [
        AnnotatedSlide(
            file_name=str(name),
            figures=_array(points[uid, "figure"]),
            hard_negatives=_array(points[uid, "hard negative"]),
            cells=cells[uid],
        )
        for uid, name in names.items()
    ]
    return Slides(slides, sum(bool(row[2]) for row in rows), others)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The database, read only, so that nothing is written beside it."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            yield database
    except sqlite3.Error as error:
        raise InputError(f"{path} is no database of SlideRunner's: {error}.", "Take the published file.") from error


def _kind(path: Path, name: str) -> str:
    """What a class means here."""
    if kind := _KINDS.get(_plain(name)):
        return kind
    listed = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in CLASSES.items())
    fix = f"Known are, in the singular or plural, {listed}. Rename it in the table Classes of a copy."
    raise InputError(f"{path} has annotations of the unknown class {name!r}.", fix)


def _plain(name: str) -> str:
    """Names differ in case, hyphens and plurals from one data set to the next."""
    return "".join(letter for letter in name.lower() if letter.isalpha()).removesuffix("s")


_KINDS = {_plain(name): kind for kind, names in CLASSES.items() for name in names}


def _array(points: list[tuple[float, float]]) -> Points:
    return np.array(points, dtype=np.float64).reshape(-1, 2)

"""predictions.json: which jobs make up a submission, which image each was given, and where its answer lies."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from evaluation.contract import PREDICTIONS_FILE, TRACKS, Track
from evaluation.errors import EvaluationError, ItemError
from evaluation.strict_json import read_json, shown

PREDICTIONS_MAX_BYTES = 256_000_000


@dataclass(frozen=True, order=True)
class Job:
    """One image that the algorithm was given, and the file it answered with. Jobs have an order: by image, then key."""

    image: str
    pk: str
    answer: Path


@dataclass(frozen=True)
class Jobs:
    """A submission's track and its jobs, in their order; and a line for each job that cannot be understood."""

    track: Track
    jobs: tuple[Job, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class _Value:
    """An input or output of a job: what its socket is, and all of it."""

    slug: str
    socket: dict[str, object]
    whole: dict[str, object]


def read_jobs(folder: Path) -> Jobs:
    """What predictions.json asks to be scored, in the order of the images' names, whatever the order in the file.

    folder: as the platform lays it, predictions.json in it and beside it a folder per job. The track is that of the
    sockets. Raises EvaluationError where the file is no list of jobs, or none of them can be understood.
    """
    path = folder / PREDICTIONS_FILE
    entries = read_json(path, PREDICTIONS_MAX_BYTES)
    if not isinstance(entries, list) or not entries:
        raise EvaluationError(f"{path} is {shown(entries)}, not a list of one job or more.")
    found: list[tuple[Track, Job]] = []
    problems: list[str] = []
    for number, entry in enumerate(entries):
        try:
            found.append(_job(entry, folder))
        except ItemError as error:
            problems.append(f"{_named(entry, number)}: {error}")
    if not found:
        raise EvaluationError(*problems)
    # Of two tracks the more frequent one is meant; the first is, where they are equally frequent.
    track = max(TRACKS, key=Counter(track for track, _ in found).__getitem__)
    problems += [
        f"job {shown_name(job.pk)}: it answers track {other.number}, and the submission is one of track {track.number}."
        for other, job in found
        if other != track
    ]
    return Jobs(track, tuple(sorted(job for other, job in found if other == track)), tuple(problems))


def shown_name(name: str) -> str:
    """A name as it is where that is one line, else as JSON shows it."""
    return name if name.isprintable() and len(name) <= 120 else shown(name)


def _named(entry: object, number: int) -> str:
    pk = entry.get("pk") if isinstance(entry, dict) else None
    return f"job {shown_name(pk)}" if isinstance(pk, str) and pk else f"job number {number} of {PREDICTIONS_FILE}"


def _job(entry: object, folder: Path) -> tuple[Track, Job]:
    if not isinstance(entry, dict):
        raise ItemError(f"it is {shown(entry)}, not an object.")
    pk = entry.get("pk")
    if not isinstance(pk, str) or PurePosixPath(pk).parts != (pk,) or pk == ".." or not pk.isprintable():
        raise ItemError(f"`pk` is {shown(pk)}, not the name of a folder.")
    inputs, outputs = _values(entry, "inputs"), _values(entry, "outputs")
    slugs = sorted(value.slug for value in inputs)
    track = next((track for track in TRACKS if slugs == [track.image_slug]), None)
    if track is None:
        known = " or ".join(track.image_slug for track in TRACKS)
        raise ItemError(f"its inputs are {shown(', '.join(slugs))}, not {known}.")
    image = inputs[0].whole.get("image")
    name = image.get("name") if isinstance(image, dict) else None
    if not isinstance(name, str):
        raise ItemError(f"its input {track.image_slug} names no image.")
    answer = next((value.socket for value in outputs if value.slug == track.answer_slug), None)
    if answer is None:
        given = ", ".join(value.slug for value in outputs)
        raise ItemError(f"its outputs are {shown(given)}, without {track.answer_slug}.")
    return track, Job(name, pk, folder / pk / "output" / _inside(answer.get("relative_path")))


def _values(entry: dict[str, object], key: str) -> list[_Value]:
    """A job's inputs or outputs; a socket is called `interface` until December 2025."""
    values = entry.get(key)
    if not isinstance(values, list):
        raise ItemError(f"`{key}` is {shown(values)}, not a list.")
    found = []
    for value in values:
        socket = (value.get("socket") or value.get("interface")) if isinstance(value, dict) else None
        slug = socket.get("slug") if isinstance(socket, dict) else None
        if not isinstance(slug, str) or not isinstance(socket, dict):
            raise ItemError(f"one of its `{key}` has no `socket` with a `slug`.")
        found.append(_Value(slug, socket, value))
    return found


def _inside(relative_path: object) -> PurePosixPath:
    """The path, which may not lead out of the job's folder."""
    path = PurePosixPath(relative_path) if isinstance(relative_path, str) else None
    if path is None or path.is_absolute() or ".." in path.parts or not path.parts or not str(path).isprintable():
        raise ItemError(f"`relative_path` is {shown(relative_path)}, not a path inside the job's folder.")
    return path

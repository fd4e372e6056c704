"""The folder of one image's results: it appears whole, under its name, or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from algorithm.contract import CLASSES_FILE, MITOTIC_FIGURES_FILE
from algorithm.errors import AlgorithmError

GEOJSON_FILE = "detections.geojson"
CSV_FILE = "detections.csv"
CLASSES_CSV_FILE = "classes.csv"
OVERLAY_FILE = "overlay.png"
RUN_FILE = "run.json"
DETECTION_FILES = (MITOTIC_FIGURES_FILE, CSV_FILE, GEOJSON_FILE, OVERLAY_FILE, RUN_FILE)
CLASSIFICATION_FILES = (CLASSES_FILE, CLASSES_CSV_FILE, RUN_FILE)


def require_writable(folder: Path) -> None:
    """Make the folder where it is absent and put a file there for a moment; AlgorithmError where that fails."""
    probe = folder / f".probe-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise AlgorithmError(
            f"The output folder {folder} cannot be written: {error.strerror}.",
            f"Let user {os.getuid()} write there, or choose another folder.",
        ) from error


def require_replaceable(folder: Path, files: tuple[str, ...]) -> None:
    """AlgorithmError where the folder exists and holds anything but these files, which would be lost."""
    if not folder.exists():
        return
    foreign = [folder.name] if not folder.is_dir() else sorted({item.name for item in folder.iterdir()} - set(files))
    if foreign:
        raise AlgorithmError(
            f"{folder} is to hold the results, but {foreign[0]} lies there already.",
            "Move it away, or choose another --output.",
        )


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """A new folder to write into, put in the place of `folder` when the block ends without an error.

    Until then it lies beside it under a hidden name. Raises AlgorithmError where writing fails, and leaves nothing.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    former = folder.with_name(f".{folder.name}.former")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        yield partial
        _flush(partial)
        if folder.exists():
            shutil.rmtree(former, ignore_errors=True)
            folder.rename(former)
        partial.rename(folder)
        shutil.rmtree(former, ignore_errors=True)
    except OSError as error:
        raise AlgorithmError(
            f"The results {folder} cannot be written: {error.strerror or error}.",
            "Free some space, or choose a folder that takes files.",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _flush(folder: Path) -> None:
    """Have the disk hold every file before the folder gets its name."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())

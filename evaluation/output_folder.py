"""The folder of an evaluation's results: it appears whole, under its name, or not at all."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from evaluation.errors import EvaluationError


def require_replaceable(folder: Path, names: tuple[str, ...]) -> None:
    """EvaluationError where the folder holds anything but earlier results of these names, which would be lost."""
    if not folder.exists():
        return
    foreign = [folder.name] if not folder.is_dir() else sorted({item.name for item in folder.iterdir()} - set(names))
    if foreign:
        raise EvaluationError(
            f"{folder} is to hold the results, but {foreign[0]} lies there already. Choose another --output."
        )


def write_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Write the files beside the folder's place and put them there in one go, over earlier results of these names."""
    require_replaceable(folder, tuple(files))
    folder = folder.absolute()
    partial = folder.with_name(f".{folder.name}.partial")
    former = folder.with_name(f".{folder.name}.former")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name, text in files.items():
            (partial / name).write_text(text, encoding="utf-8")
        if folder.exists():
            shutil.rmtree(former, ignore_errors=True)
            folder.rename(former)
        partial.rename(folder)
        shutil.rmtree(former, ignore_errors=True)
    except OSError as error:
        raise EvaluationError(f"{folder} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)

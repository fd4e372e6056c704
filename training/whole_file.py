"""Files that appear whole or not at all."""

import contextlib
import os
from pathlib import Path

from algorithm.errors import AlgorithmError


def write_whole(path: Path, content: bytes) -> None:
    """Written beside its place, then renamed. Raises AlgorithmError where that cannot be."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise AlgorithmError(f"{path} cannot be written: {error.strerror}.", "Choose another --output.") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()

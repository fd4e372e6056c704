"""JSON from elsewhere: read within a size limit, without doubled keys, NaN or endless nesting; and written whole."""

import contextlib
import json
import math
import os
from pathlib import Path

from evaluation.errors import EvaluationError


def read_json(path: Path, max_bytes: int) -> object:
    """The parsed content of a file; EvaluationError, in one line, where it is absent, too large or not strict JSON."""
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read: {error.strerror}.") from error
    if len(content) > max_bytes:
        raise EvaluationError(f"{path} is larger than {max_bytes:,} bytes.")
    try:
        return json.loads(
            content.decode("utf-8"), object_pairs_hook=_unique_keys, parse_constant=_refuse, parse_float=_finite
        )
    except RecursionError as error:
        raise EvaluationError(f"{path} is nested too deeply.") from error
    except ValueError as error:
        raise EvaluationError(f"{path} is not valid JSON: {error}.") from error


def write_json(path: Path, document: object) -> None:
    """Write a file beside its place, then rename it: the place holds all of it or what it held before.

    Raises EvaluationError where it cannot be written; whatever happens, nothing half done is left behind.
    """
    content = json.dumps(document, allow_nan=False, indent=1).encode() + b"\n"
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise EvaluationError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def shown(value: object) -> str:
    """A value as JSON shows it, in one line, cut where it is long."""
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = json.dumps(value, default=repr)
    return text if len(text) <= 60 else text[:57] + "..."


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {shown(key)} occurs twice in one object")
            seen.add(key)
    return result


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{shown(text)} is too large for a number")
    return value


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON number")

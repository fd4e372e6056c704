"""JSON from elsewhere: read within a size limit, without doubled keys, NaN or endless nesting."""

import json
from pathlib import Path

from algorithm.errors import InputError


def read_json(path: Path, max_bytes: int) -> object:
    """The parsed content of a file; InputError where it is absent, too large, or not strict JSON."""
    fix = "Write it anew as plain JSON."
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions.") from error
    if len(content) > max_bytes:
        raise InputError(f"{path} is larger than {max_bytes:,} bytes.", "Check that it is the file you mean.")
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_unique_keys, parse_constant=_refuse)
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply.", fix) from error
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON: {error}.", fix) from error


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result: dict[str, object] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"the key {json.dumps(key[:60])} occurs twice in one object")
        result[key] = value
    return result


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON number")

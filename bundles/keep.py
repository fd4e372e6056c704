"""Leave in this folder the default bundles of some tasks alone, for an image that does no more:

    python bundles/keep.py detection

A task without a default bundle has none to keep; where that leaves no bundle at all it is an error.
"""

import json
import shutil
import sys
from pathlib import Path

DEFAULTS_FILE = "default.json"


def keep(folder: Path, tasks: list[str]) -> list[str]:
    """Remove what is no default bundle of these tasks, from the folder and its default.json; returns what stays.

    Raises ValueError for a task without any bundle where it is the only one asked for.
    """
    defaults = json.loads((folder / DEFAULTS_FILE).read_text())
    kept = {task: name for task, name in defaults.items() if task in tasks}
    if not kept:
        raise ValueError(f"{folder / DEFAULTS_FILE} names no bundle for {' or '.join(tasks) or 'no task'}")
    for path in folder.iterdir():
        if path.is_dir() and path.name not in kept.values():
            shutil.rmtree(path)
    (folder / DEFAULTS_FILE).write_text(json.dumps(kept) + "\n")
    return sorted(kept.values())


if __name__ == "__main__":
    try:
        keep(Path(__file__).parent, sys.argv[1:])
    except ValueError as error:
        sys.exit(f"error: {error}.")

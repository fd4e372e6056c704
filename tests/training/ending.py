"""The first of several processes has something to write yet when the others are done: -m tests.training.ending FILE."""

import sys
import time
from pathlib import Path

from training.distributed import processes, rank


def run(path: Path) -> int:
    """1 in a process that came to its end before the file was written."""
    with processes():
        if rank() == 0:
            time.sleep(2)
            path.touch()
    return int(not path.exists())


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))

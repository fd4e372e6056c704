"""What a file is known by, whatever its name."""

import hashlib
from pathlib import Path


def digest(path: Path) -> str:
    """The file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()

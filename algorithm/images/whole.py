"""Images whose format gives no windows: decoded whole at the first read."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock

from algorithm.images.base import Image, Pixels, reading
from algorithm.images.spacing import Spacing


class WholeImage(Image):
    """A region of known size and spacing; `decode` gives its pixels, (height, width, 3) uint8 or with alpha."""

    def __init__(self, path: Path, width: int, height: int, spacing: Spacing, decode: Callable[[], Pixels]) -> None:
        super().__init__(path, width, height, spacing)
        self._decode = decode
        self._lock = Lock()
        self._pixels: Pixels | None = None

    def close(self) -> None:
        """Let go of the decoded pixels."""
        with self._lock:
            self._pixels = None

    def _read(self, x: int, y: int, width: int, height: int) -> Pixels:
        return self._whole()[y : y + height, x : x + width].copy()

    def _whole(self) -> Pixels:
        with self._lock:
            if self._pixels is None:
                with reading(self.path, "its pixels"):
                    decoded = self._decode()
                    if decoded.dtype != "uint8" or decoded.shape[:2] != (self.height, self.width):
                        raise ValueError(f"{decoded.dtype} pixels of shape {decoded.shape}")
                    self._pixels = decoded[..., :3]
            return self._pixels

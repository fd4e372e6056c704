"""What every image offers: its size, its spacing, and windows of RGB pixels."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from algorithm.errors import AlgorithmError, InputError
from algorithm.images.spacing import Spacing, SpacingSource

Pixels = NDArray[np.uint8]
"""(height, width, 3) uint8, RGB."""


@dataclass(frozen=True)
class Level:
    """One resolution of an image; `downsample` is level-0 pixels per pixel of this level."""

    width: int
    height: int
    downsample: float


class Image(ABC):
    """An open RGB image. Windows may be read from several threads at once. Close it, or use `with`."""

    path: Path
    width: int
    height: int
    spacing_um: tuple[float, float]
    spacing_source: SpacingSource
    levels: tuple[Level, ...]

    def __init__(self, path: Path, width: int, height: int, spacing: Spacing) -> None:
        self.path = path
        self.width = width
        self.height = height
        self.spacing_um = (spacing.x_um, spacing.y_um)
        self.spacing_source = spacing.source
        self.levels = (Level(width, height, 1.0),)

    def read(self, x: int, y: int, width: int, height: int, level: int = 0) -> Pixels:
        """The window with its top left at (x, y), pixels of `level`: (height, width, 3) uint8 RGB.

        Raises ValueError if the window is empty or leaves the image, InputError if the file is damaged there.
        """
        if not 0 <= level < len(self.levels):
            raise ValueError(f"{self.path} has no level {level}")
        full = self.levels[level]
        check_window(x, y, width, height, full.width, full.height)
        return self._read(x, y, width, height)

    @abstractmethod
    def _read(self, x: int, y: int, width: int, height: int) -> Pixels:
        """As `read`; the window is known to lie inside."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file and of decoded pixels."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def check_window(x: int, y: int, width: int, height: int, full_width: int, full_height: int) -> None:
    """Raises ValueError unless the window holds a pixel and lies inside full_width x full_height."""
    if width < 1 or height < 1 or x < 0 or y < 0 or x + width > full_width or y + height > full_height:
        raise ValueError(f"window {width} x {height} at ({x}, {y}) is not inside {full_width} x {full_height}")


@contextmanager
def reading(path: Path | str, part: str) -> Iterator[None]:
    """Turn whatever a decoder raises over `part` of a file into an InputError.

    Decoders meet damaged bytes with errors of every kind (struct, zlib, index, memory, their own): all are damage.
    """
    try:
        yield
    except AlgorithmError:
        raise
    except Exception as error:
        cause = f"{type(error).__name__}: {str(error)[:200]}"
        raise InputError(f"{path} is damaged in {part} ({cause}).", "Copy or export it again.") from error

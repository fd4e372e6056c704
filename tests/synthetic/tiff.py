"""Drawn pictures as TIFF files, with their spacing in the resolution tags."""

from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

MICROMETRES_PER_CM = 10_000


def write_region(path: Path, pixels: NDArray[np.uint8], spacing_um: float = 0.25) -> None:
    """Write (height, width, 3) RGB as one page, Deflate in tiles of 256 px; the same bytes for the same pixels."""
    _write(path, pixels, spacing_um, tile=(256, 256))


def write_stack(path: Path, patches: NDArray[np.uint8], spacing_um: float = 0.25) -> None:
    """Write (N, height, width, 3) RGB as N pages, each one Deflate strip."""
    _write(path, patches, spacing_um, tile=None)


def _write(path: Path, pixels: NDArray[np.uint8], spacing_um: float, tile: tuple[int, int] | None) -> None:
    tifffile.imwrite(
        path,
        pixels,
        photometric="rgb",
        tile=tile,
        compression="zlib",
        compressionargs={"level": 9},
        predictor=True,
        resolution=(MICROMETRES_PER_CM / spacing_um, MICROMETRES_PER_CM / spacing_um),
        resolutionunit="CENTIMETER",
        software=False,
        metadata=None,
    )

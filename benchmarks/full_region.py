"""A region of the challenge's full size, made of AMi-Br's patches."""

from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

FULL_SIZE = (7215, 5412)
PATCH_PX, SPACING_UM = 128, 0.25


def write_region(path: Path, patches: Path, width: int, height: int, one_in: int = 1) -> None:
    """AMi-Br's patches by name, edge to edge on white, one in so many of them; Deflate in tiles."""
    columns, rows = -(-width // PATCH_PX), -(-height // PATCH_PX)
    pixels = np.full((rows * PATCH_PX, columns * PATCH_PX, 3), 255, np.uint8)
    files = sorted(patches.glob("Normal/*.png"))
    for cell in range(0, rows * columns, one_in):
        y, x = (PATCH_PX * place for place in divmod(cell, columns))
        pixels[y : y + PATCH_PX, x : x + PATCH_PX] = Image.open(files[cell % len(files)]).convert("RGB")
    resolution = {"resolution": (1e4 / SPACING_UM, 1e4 / SPACING_UM), "resolutionunit": "CENTIMETER"}
    layout = {"photometric": "rgb", "compression": "deflate", "tile": (256, 256)}
    tifffile.imwrite(path, pixels[:height, :width], **layout, **resolution)

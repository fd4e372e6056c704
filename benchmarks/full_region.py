"""Regions of the challenge's full size, made of AMi-Br's patches."""

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

FULL_SIZE = (7215, 5412)
PATCH_PX, SPACING_UM = 128, 0.25
Place = tuple[int, int, Path]
"""The upper left of a patch, x then y, px, and its file."""


def write_region(path: Path, patches: Path, width: int, height: int, one_in: int = 1, packed: bool = True) -> None:
    """AMi-Br's patches by name, edge to edge on white, one in so many of them."""
    columns, rows = -(-width // PATCH_PX), -(-height // PATCH_PX)
    files = sorted(patches.glob("Normal/*.png"))
    cells = range(0, rows * columns, one_in)
    _write(path, width, height, (_cell(cell, columns, files[cell % len(files)]) for cell in cells), packed)


def write_slide(path: Path, patches: Path, width: int, height: int, slide: str) -> None:
    """A slide's patches at their places on it, on white."""
    with (patches / "AMI-BR.csv").open(newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["slide"] == slide]
    _write(path, width, height, (_place(row, patches) for row in rows))


def _cell(cell: int, columns: int, file: Path) -> Place:
    y, x = divmod(cell, columns)
    return PATCH_PX * x, PATCH_PX * y, file


def _place(row: dict[str, str], patches: Path) -> Place:
    """Of a patch that lies about its figure."""
    (file,) = patches.glob(f"*/{row['dataset']}_{row['uid']}.png")
    x, y = (round(float(row[axis])) - PATCH_PX // 2 for axis in "xy")
    return x, y, file


def _write(path: Path, width: int, height: int, places: Iterable[Place], packed: bool = True) -> None:
    """Patches on white, as far as they lie inside; packed: in Deflate and tiles."""
    margin = PATCH_PX  # so that a patch may lie over the border
    pixels = np.full((height + 2 * margin, width + 2 * margin, 3), 255, np.uint8)
    for x, y, file in places:
        if not (-margin <= x < width and -margin <= y < height):
            continue
        pixels[y + margin : y + margin + PATCH_PX, x + margin : x + margin + PATCH_PX] = Image.open(file).convert("RGB")
    inside = pixels[margin : margin + height, margin : margin + width]
    resolution = {"resolution": (1e4 / SPACING_UM, 1e4 / SPACING_UM), "resolutionunit": "CENTIMETER"}
    layout = {"compression": "deflate", "tile": (256, 256)} if packed else {}
    tifffile.imwrite(path, inside, photometric="rgb", **layout, **resolution)

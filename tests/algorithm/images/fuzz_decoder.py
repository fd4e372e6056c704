"""Reads mutants of good files until something other than an InputError happens. A process of its own: it may die.

Usage: python -m tests.algorithm.images.fuzz_decoder FOLDER RUNS SEED
"""

import random
import signal
import sys
from pathlib import Path

from algorithm.errors import InputError
from algorithm.images import open_image
from tests.algorithm.images.drawing import tissue, write_jpeg, write_mha, write_png, write_tiff

HANG_S = 10
HEADER_BYTES = 400


def good_files(folder: Path) -> list[bytes]:
    """One small file of every kind that is read."""
    path = folder / "good"
    pixels = tissue(50, 40)
    layouts = [
        {},
        {"compression": "zlib"},
        {"compression": "zlib", "tile": (16, 16), "predictor": True},
        {"compression": "lzw", "bigtiff": True},
        {"compression": "jpeg", "tile": (16, 16)},
        {"compression": "jpeg2000", "tile": (16, 16)},
    ]
    tiffs = [write_tiff(path, pixels, **layout).read_bytes() for layout in layouts]
    metaimages = [write_mha(path, pixels, compressed).read_bytes() for compressed in (False, True)]
    return [*tiffs, *metaimages, write_png(path, pixels).read_bytes(), write_jpeg(path, pixels).read_bytes()]


def mutant(data: bytes, chance: random.Random) -> bytes:
    """A copy with bytes changed, a piece cut out, doubled or zeroed, or its end missing; headers are hit more often."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        if len(changed) < 2:
            break
        at = chance.randrange(len(changed) if chance.random() < 0.4 else min(HEADER_BYTES, len(changed)))
        length = chance.randrange(1, 64)
        match chance.randrange(8):
            case 0:
                del changed[at : at + length]
            case 1:
                changed[at:at] = changed[at : at + length]
            case 2:
                changed[at : at + length] = bytes(len(changed[at : at + length]))
            case 3:
                del changed[max(at, 1) :]
            case 4:
                changed[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
            case _:
                changed[at] = chance.randrange(256)
    return bytes(changed)


def main(folder: Path, runs: int, seed: int) -> None:
    """Write and read `runs` mutants. The last one written is the guilty one if this process dies."""
    files = good_files(folder)
    outcomes = {"read": 0, "refused": 0}
    for run in range(runs):
        path = folder / "mutant"
        path.write_bytes(mutant(files[run % len(files)], random.Random(f"{seed} {run}")))
        signal.alarm(HANG_S)
        try:
            with open_image(path, spacing_um=0.25) as image:
                image.read(0, 0, image.width, image.height)
            outcomes["read"] += 1
        except InputError:
            outcomes["refused"] += 1
    print(outcomes["read"], outcomes["refused"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

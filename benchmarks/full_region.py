"""Time and memory of the main job on a region of the challenge's full size, 7,215 x 5,412 px.

    python benchmarks/full_region.py [-- OPTIONS OF DETECT]

The region is the sample, repeated. Needs anaphase[cpu]. The last table is in benchmarks/README.md.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile

SAMPLE = Path(__file__).parents[1] / "samples" / "region.tiff"
WIDTH, HEIGHT = 7215, 5412


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("arguments", nargs="*", help="after --, handed on to detect, as -- --overlap 0.5")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        region = Path(folder) / "region.tiff"
        write_region(region)
        command = [sys.executable, "-m", "algorithm", "detect", str(region), "--output", folder, *options.arguments]
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        report = json.loads((Path(folder) / "region" / "run.json").read_text())
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{WIDTH} x {HEIGHT} px, {os.cpu_count()} cores, {' '.join(options.arguments) or 'defaults'}:")
    print(f"{seconds:.0f} s, peak {peak_mb:.0f} MB; {json.dumps(report['tiles'])} tiles")


def write_region(path: Path) -> None:
    """The sample repeated to full size, Deflate in tiles, 0.25 um/px."""
    sample = tifffile.imread(SAMPLE)
    repeats = (-(-HEIGHT // sample.shape[0]), -(-WIDTH // sample.shape[1]), 1)
    pixels = np.tile(sample, repeats)[:HEIGHT, :WIDTH]
    resolution = {"resolution": (40000, 40000), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(path, pixels, photometric="rgb", compression="deflate", tile=(256, 256), **resolution)


if __name__ == "__main__":
    main()

"""How many mitotic figures are among the nuclei that `detector: nuclei` looks at, and how many nuclei that makes.

    python benchmarks/nuclei_candidates.py --patches AMi-Br
    python benchmarks/nuclei_candidates.py --regions regions-train [--share 0.4] [--minimum-area-um2 3.75]

--patches lays AMi-Br's training patches edge to edge, slide by slide, whole: each slide has stains and a threshold of
its own. --regions is a folder in the layout of MIDOG++. A figure is found where a candidate lies within 7.5 um of it.
One row for each way to tell stains apart and each reference of the threshold. With --patches comes the time for a
region of the challenge's full size, reading and its map of tissue included. Needs anaphase[train].
"""

import argparse
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
from full_region import FULL_SIZE, PATCH_PX, SPACING_UM, write_region
from scipy.spatial import cKDTree

from algorithm.detectors.candidates import candidates
from algorithm.images import open_image
from algorithm.images.resampled import ResampledImage
from algorithm.nuclei_manifest import CandidateSettings, Reference
from algorithm.stain import StainModel
from algorithm.tissue import tissue_map
from training.data.ami_br import read_ami_br_patches
from training.data.midogpp import read_midogpp
from training.data.regions import Region, RegionImage, in_memory

RADIUS_UM = 7.5
COLUMNS = ("stains", "threshold of", "sensitivity", "least of a slide", "nuclei per mm2")


class Found(NamedTuple):
    """Of one region: its figures, those with a candidate, all candidates, mm2 of tissue."""

    figures: int
    found: int
    nuclei: int
    tissue_mm2: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--patches", type=Path, help="AMi-Br's folder")
    source.add_argument("--regions", type=Path, help="a folder in the layout of MIDOG++")
    parser.add_argument("--share", type=float, default=CandidateSettings().share)
    parser.add_argument("--minimum-area-um2", type=float, default=CandidateSettings().minimum_area_um2)
    options = parser.parse_args()

    regions = slides(options.patches) if options.patches else read_midogpp(options.regions).regions
    print(f"{len(regions)} slides, {sum(len(region.figures) for region in regions):,} mitotic figures\n")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
    for stain_model, reference in product(get_args(StainModel), get_args(Reference)):
        settings = CandidateSettings(
            stain_model=stain_model,
            reference=reference,
            share=options.share,
            minimum_area_um2=options.minimum_area_um2,
        )
        print(
            f"| {stain_model} | {reference} | {cells([measure(region, settings) for region in regions])} |", flush=True
        )
    if options.patches:
        seconds, busy = full_size_seconds(options.patches)
        print(f"\n{FULL_SIZE[0]:,} x {FULL_SIZE[1]:,} px: {seconds:.1f} s, {busy:.1f} s of processors' time")


def slides(folder: Path) -> list[Region]:
    """One region a training slide: its patches side by side, whole, a figure in the middle of each."""
    by_slide: dict[str, list[Region]] = {}
    for patch in read_ami_br_patches(folder):
        by_slide.setdefault(patch.slide, []).append(patch)
    return [laid(slide, patches) for slide, patches in by_slide.items()]


def laid(slide: str, patches: list[Region]) -> Region:
    """Patches edge to edge in rows, on white."""
    columns = int(np.ceil(np.sqrt(len(patches))))
    canvas = np.full((-(-len(patches) // columns) * PATCH_PX, columns * PATCH_PX, 3), 255, np.uint8)
    corners = PATCH_PX * np.array([(number % columns, number // columns) for number in range(len(patches))])
    for (x, y), patch in zip(corners, patches, strict=True):
        canvas[y : y + PATCH_PX, x : x + PATCH_PX] = patch.read(0, 0, PATCH_PX, PATCH_PX)
    figures = np.concatenate([patch.figures + corner for patch, corner in zip(patches, corners, strict=True)])
    return in_memory(slide, slide, patches[0].domain, canvas, SPACING_UM, figures)


def measure(region: Region, settings: CandidateSettings) -> Found:
    """Candidates of one region against its figures."""
    view = ResampledImage(RegionImage(region), SPACING_UM)
    tissue = tissue_map(view)
    points = candidates(view, settings, tissue)
    distances = cKDTree(points).query(region.figures)[0] if len(points) else np.full(len(region.figures), np.inf)
    hits = int((distances <= RADIUS_UM / region.spacing_um).sum())
    return Found(len(region.figures), hits, len(points), tissue.area_mm2)


def cells(found: list[Found]) -> str:
    """A row of the table, but for its first two columns."""
    totals = Found(*np.sum(found, axis=0))
    least = min(one.found / one.figures for one in found if one.figures)
    return f"{totals.found / totals.figures:.3f} | {least:.2f} | {totals.nuclei / totals.tissue_mm2:,.0f}"


def full_size_seconds(patches: Path) -> tuple[float, float]:
    """From the opened file to the candidates of a full region of tissue: by the clock, and of processors' time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "region.tiff"
        write_region(path, patches, *FULL_SIZE)
        with open_image(path) as image:
            start, start_busy = time.perf_counter(), time.process_time()
            view = ResampledImage(image, SPACING_UM)
            candidates(view, CandidateSettings(), tissue_map(view))
            return time.perf_counter() - start, time.process_time() - start_busy


if __name__ == "__main__":
    main()

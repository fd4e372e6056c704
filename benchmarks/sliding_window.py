"""`detect` on a full region beside MONAI's sliding window: time, the part of it outside the network, memory.

    python benchmarks/sliding_window.py --patches AMi-Br [--bundle bundles/vm_unet_small] [--size 1443 1082]

Regions of the challenge's full size, 7,215 x 5,412 px, are made of AMi-Br's patches: solid tissue, laid edge to edge;
mostly glass, where one patch in a hundred is left; and the patches of three of MIDOG21's slides at their places on
white, with many figures, with some, and with the median number. `detect` is the whole command, with the bundle in ONNX
Runtime. MONAI reads the region, with the project's own reader, and makes the map of probability, no more, with as many
networks of the bundle's recipe: eager torch in float32, as the bundle computes, in batches of 16 tiles, which suit it
better than those of `detect`. Their weights are random, which takes no other time. Tile, overlap and blending are the
same. Each way runs in a process of its own, and its networks are ready before its clock starts: MONAI's are made and
warmed up, and the seconds in which `detect` opens its bundle, once a command however many images, stand in a column of
their own. What is outside the network stands there without and with them. Of it, "reading to merging" is reading,
tiling and merging, from the map of tissue on; the rest writes the files. A bundle that finds boxes leaves MONAI no map
to make: of it `detect` is timed alone.

Needs anaphase[cpu,train] and, for MONAI, requirements/benchmarks.txt. The last tables are in benchmarks/README.md.
"""

import argparse
import importlib.util
import io
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from full_region import FULL_SIZE, write_region, write_slide
from numpy.typing import NDArray
from own_process import in_a_process

from algorithm import mixed
from algorithm.__main__ import main as command
from algorithm.bundle import load_bundle
from algorithm.commands import detect
from algorithm.images import open_image
from algorithm.images.resampled import ResampledImage
from algorithm.manifest import SegmentationManifest
from algorithm.runtime import BoxEnsemble, Ensemble

ONE_PATCH_IN = {"tissue": 1, "glass": 100}
SLIDES = ("024.tiff", "007.tiff", "016.tiff")
"""Of the 44 of the full size: of 43 figures, which one of them exceeds; of 22, which three do; of 6, their median."""
BUNDLE = Path(__file__).parents[1] / "bundles" / "vm_unet_small"
COLUMNS = (
    "region",
    "way",
    "seconds",
    "times MONAI",
    "outside the network",
    "with opening",
    "reading to merging",
    "tiles",
    "peak, MB",
    "opening, s",
)
MONAI_BATCH = 16
Measured = dict[str, float]
"""seconds, network_seconds of them, tiles, peak_mb; of `detect` stages_seconds, from tissue's map to the merging, and
opening_seconds, which are none of the others."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--patches", type=Path, required=True, help="AMi-Br's folder")
    parser.add_argument("--size", type=int, nargs=2, default=FULL_SIZE, metavar=("WIDTH", "HEIGHT"), help="in px")
    options = parser.parse_args()
    beside_monai = is_segmentation(options.bundle)
    if beside_monai and importlib.util.find_spec("monai") is None:
        sys.exit("MONAI is not installed: pip install --no-deps --requirement requirements/benchmarks.txt")

    members = len(load_bundle(options.bundle).manifest.members)
    width, height = options.size
    print(f"{width:,} x {height:,} px, {options.bundle.name} of {members}, {os.cpu_count()} cores\n")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in (*ONE_PATCH_IN, *SLIDES):
            region = Path(folder) / f"region-{name.removesuffix('.tiff')}.tiff"
            in_a_process(make_region, region, options.patches, width, height, name)
            monai = in_a_process(run_monai, region, options.bundle) if beside_monai else None
            if monai is not None:
                print(f"| {name} | MONAI | {cells(monai, monai)} |", flush=True)
            print(f"| {name} | detect | {cells(in_a_process(run_detect, region, options.bundle), monai)} |", flush=True)


def make_region(path: Path, patches: Path, width: int, height: int, name: str) -> None:
    """The region of that name."""
    if name in ONE_PATCH_IN:
        write_region(path, patches, width, height, ONE_PATCH_IN[name])
    else:
        write_slide(path, patches, width, height, name)


def is_segmentation(bundle: Path) -> bool:
    """Whether the bundle makes maps, and not boxes."""
    return isinstance(load_bundle(bundle).manifest, SegmentationManifest)


class Stopwatch:
    """Calls a function and adds up its seconds."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.seconds = 0.0

    def __call__(self, *arguments: Any) -> Any:
        start = time.perf_counter()
        answer = self.function(*arguments)
        self.seconds += time.perf_counter() - start
        return answer


class NetworkStopwatch(Stopwatch):
    """Of a network; counts the tiles in its last argument (B, ...), too."""

    tiles = 0

    def __call__(self, *arguments: Any) -> Any:
        self.tiles += len(arguments[-1])
        return super().__call__(*arguments)

    def measured(self, seconds: float) -> Measured:
        """With the most memory that this process has held so far."""
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {"seconds": seconds, "network_seconds": self.seconds, "tiles": self.tiles, "peak_mb": peak_mb}


def run_detect(region: Path, bundle: Path) -> Measured:
    """The command, with all the files that it writes."""
    kind, method = (Ensemble, "__call__") if is_segmentation(bundle) else (BoxEnsemble, "answers")
    network = NetworkStopwatch(getattr(kind, method))
    setattr(kind, method, lambda *arguments: network(*arguments))
    reading, opening = Stopwatch(detect.load_bundle), Stopwatch(mixed.load)
    detect.load_bundle, mixed.load = reading, opening
    words = ["detect", region, "--output", region.parent, "--bundle", bundle, "--device", "cpu"]
    start = time.perf_counter()
    with redirect_stdout(io.StringIO()):
        code = command([str(word) for word in words])
    opening_seconds = reading.seconds + opening.seconds
    measured = network.measured(time.perf_counter() - start - opening_seconds)
    if code:
        raise SystemExit("detect failed, see above")
    stages = json.loads((region.with_suffix("") / "run.json").read_text())["seconds"]
    return {**measured, "stages_seconds": stages["tissue"] + stages["detection"], "opening_seconds": opening_seconds}


def run_monai(region: Path, bundle: Path) -> Measured:
    """From the file to the map of probability."""
    import torch  # not above: `detect` runs without it
    from monai.inferers import sliding_window_inference

    manifest = load_bundle(bundle).manifest
    tile = tuple(reversed(manifest.input.tile_px))
    blending = {"uniform": {"mode": "constant"}, "gaussian": {"mode": "gaussian", "sigma_scale": 0.25}}
    settings = {"overlap": manifest.input.overlap, **blending[manifest.postprocess.blending]}
    network = NetworkStopwatch(eager_network(manifest.provenance.recipe, len(manifest.members)))
    with torch.inference_mode():
        network.function(torch.zeros(MONAI_BATCH, 3, *tile))
        start = time.perf_counter()
        image = torch.from_numpy(read_whole(region, manifest.input.resolution_um_px)).permute(2, 0, 1)[None]
        sliding_window_inference(image.float() / 255, tile, MONAI_BATCH, network, **settings)
        return network.measured(time.perf_counter() - start)


def read_whole(region: Path, resolution_um_px: float) -> NDArray[np.uint8]:
    """The pixels (H, W, 3) of a region at a resolution."""
    with open_image(region) as image:
        view = ResampledImage(image, resolution_um_px)
        return view.read(0, 0, view.width, view.height)


def eager_network(name: str, members: int) -> Callable[[Any], Any]:
    """From tiles (B, 3, T, T) in 0 to 1 to mean probabilities (B, 1, T, T); the scan is compiled where it can be."""
    import torch

    from training.models.build import build_model
    from training.normalise import normalise
    from training.recipe import load_recipe

    recipe = load_recipe(name)
    models = [build_model(recipe.model).eval() for _ in range(members)]

    def network(tiles: Any) -> Any:
        images = normalise(tiles, recipe.input)
        return sum(torch.sigmoid(model(images)) for model in models) / len(models)

    return network


def cells(measured: Measured, monai: Measured | None) -> str:
    """A row of the table, but for its first two columns."""
    seconds, network = measured["seconds"], measured["network_seconds"]
    opening, stages = measured.get("opening_seconds"), measured.get("stages_seconds")
    times = "" if monai is None else f"{seconds / monai['seconds']:.3f}"
    with_opening = "" if opening is None else f"{1 - network / (seconds + opening):.0%}"
    between = "" if stages is None else f"{(stages - network) / seconds:.0%}"
    counted = [f"{measured[key]:,.0f}" for key in ("tiles", "peak_mb")]
    opened = "" if opening is None else f"{opening:.2f}"
    return " | ".join(
        [f"{seconds:.1f}", times, f"{1 - network / seconds:.0%}", with_opening, between, *counted, opened]
    )


if __name__ == "__main__":
    main()

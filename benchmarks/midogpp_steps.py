"""What the steps from MIDOG++ to a container cost on a CPU, each measured on a part and scaled to the whole.

    OMP_NUM_THREADS=1 python benchmarks/midogpp_steps.py --patches AMi-Br --annotations MIDOGpp [--step NAME ...]

MIDOG++'s images are not needed, only its annotation file: a region of its largest size, 7,215 x 5,412 px, is made of
AMi-Br's patches, uncompressed, with as many annotations as MIDOG++ has in a region on average. Each step runs in a
process of its own: its processor time, and its peak memory, what it imports included. Networks have run once before.
Weights are random, which takes no other time; maps are read of a stand-in that takes dark pixels for figures. The last
table is in benchmarks/README.md; docs/midogpp.md makes the times of its own table of it.
"""

import argparse
import io
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from full_region import FULL_SIZE, PATCH_PX, write_region
from numpy.typing import NDArray
from own_process import in_a_process
from scipy.special import expit
from training_step import step_of

from training.__main__ import main as command
from training.batches import Batches
from training.data.read import read_data
from training.data.regions import Region, at_resolution
from training.data.split import Split
from training.graph import write_onnx
from training.mask_settings import MaskSettings
from training.masks.nuclick import NuClickMasks
from training.masks.threshold import threshold_masks
from training.models.build import build_model
from training.models.describe import tiles_of_a_region
from training.models.nuclick import NuClick
from training.recipe import SegmentationRecipe, load_recipe
from training.systems.segmentation import TilePredictor, training_sampler
from training.validation import counts_at_thresholds

REGIONS, FIGURES, LOOK_ALIKES = 503, 11_937, 14_349
OVERLAP = 0.25
"""Of the recipes of docs/midogpp.md."""
PART = (FULL_SIZE[0] // 3, FULL_SIZE[1] // 3)
"""A ninth of a region, whose maps are read."""
Work = tuple[float, Callable[[], object]]
"""How many units, and what does them."""
Prepare = Callable[[Path, Path], Work]
"""Makes ready what is not timed, in the folder with the region, and given the folder of the annotation file."""


@dataclass(frozen=True)
class Step:
    """A step, what it was measured in, and how many of these the whole has: of what."""

    name: str
    unit: str
    prepare: Prepare
    whole: int
    of: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patches", type=Path, required=True, help="AMi-Br's folder")
    parser.add_argument("--annotations", type=Path, required=True, help="the folder of MIDOG++.json")
    parser.add_argument("--step", nargs="+", choices=[step.name for step in STEPS], help="these alone")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| step | unit | units | seconds a unit | peak, GB | whole | takes |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder), options.patches)
        for step in STEPS:
            if options.step is None or step.name in options.step:
                print(f"| {row(step, Path(folder), options.annotations)} |", flush=True)


def row(step: Step, folder: Path, annotations: Path) -> str:
    units, seconds, peak = in_a_process(measured, step.name, folder, annotations)
    cells = (step.name, step.unit, f"{units:.3g}", f"{seconds / units:.3g}", f"{peak:.2f}")
    return " | ".join((*cells, f"{step.whole:,} {step.of}", duration(seconds / units * step.whole)))


def duration(seconds: float) -> str:
    """In the unit that suits."""
    unit, of_it = next((unit, of_it) for unit, of_it in (("h", 3600), ("min", 60), ("s", 0)) if seconds >= 1.5 * of_it)
    return f"{float(f'{seconds / max(of_it, 1):.2g}'):,g} {unit}"


def measured(name: str, folder: Path, annotations: Path) -> tuple[float, float, float]:
    """Units, processor seconds and peak GB of a step, without what it says."""
    (step,) = (step for step in STEPS if step.name == name)
    torch.set_num_threads(1)
    with redirect_stdout(io.StringIO()):
        units, work = step.prepare(folder, annotations)
        before = time.process_time()
        work()
        seconds = time.process_time() - before
    return units, seconds, peak_gb()


def peak_gb() -> float:
    """Of this process alone: what getrusage says begins with what its parent held."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024**2


def write_data(folder: Path, patches: Path) -> None:
    """MIDOG++'s layout with one region of the full size. Every patch of it has a figure in its middle."""
    images = folder / "full" / "images"
    images.mkdir(parents=True)
    write_region(images / "001.tiff", patches, *FULL_SIZE, packed=False)
    columns, rows = (length // PATCH_PX for length in FULL_SIZE)
    chosen = np.random.default_rng(0).permutation(columns * rows)[: round((FIGURES + LOOK_ALIKES) / REGIONS)]
    annotations = []
    for number, cell in enumerate(chosen.tolist()):
        x, y = (PATCH_PX * place + PATCH_PX // 2 for place in (cell % columns, cell // columns))
        category = 1 if number < FIGURES / REGIONS else 2
        annotations.append({"image_id": 1, "category_id": category, "bbox": [x - 25, y - 25, x + 25, y + 25]})
    categories = [{"id": 1, "name": "mitotic figure"}, {"id": 2, "name": "not mitotic figure"}]
    entries = [{"id": 1, "file_name": "001.tiff", "width": FULL_SIZE[0], "height": FULL_SIZE[1], "tumor_type": "some"}]
    document = {"images": entries, "categories": categories, "annotations": annotations}
    (folder / "full" / "MIDOG++.json").write_text(json.dumps(document))


def region_at(folder: Path, resolution_um_px: float) -> Region:
    ((region,),) = read_data([folder / "full"], [], resolution_um_px).annotated
    return region


def recipe_of(name: str, *changes: str) -> SegmentationRecipe:
    recipe = load_recipe(name, [f"input.overlap={OVERLAP}", "postprocess.blending=uniform", *changes])
    assert isinstance(recipe, SegmentationRecipe)
    return recipe


def folds(folder: Path, annotations: Path) -> Work:
    words = ["folds", str(annotations), "--by", "domain", "--output", str(folder / "folds.csv")]
    return 1, lambda: command(words)


def reading(folder: Path, _: Path) -> Work:
    return 1, lambda: region_at(folder, 0.25)


def haematoxylin(folder: Path, _: Path) -> Work:
    region = region_at(folder, 0.25)
    return len(region.figures), lambda: list(threshold_masks(region, MaskSettings()))


def nuclick(folder: Path, _: Path) -> Work:
    region = region_at(folder, 0.25)
    some = replace(region, figures=region.figures[:8])
    masks = NuClickMasks(NuClick(), torch.device("cpu"), MaskSettings())
    return len(some.figures), lambda: list(masks(some))


def importing(folder: Path, _: Path) -> Work:
    """Of a file with the tensors that VM-UNet has of VMamba v0-Small's depths."""
    depths = ["model.depths=[2,2,27,2]", "model.decoder_depths=[1,1,1,1]"]
    state = build_model(load_recipe("vm_unet", depths).model).state_dict()
    source, target = folder / "vmamba.pth", folder / "vmamba.safetensors"
    torch.save({"model": {key: value for key, value in state.items() if key.startswith(("patch_", "layers."))}}, source)
    return 1, lambda: command(["import-weights", "vm_unet", str(source), "--output", str(target)])


def tiles(name: str) -> Prepare:
    """A batch of the recipe's tiles, drawn and augmented; the region's stains are estimated before."""

    def prepare(folder: Path, _: Path) -> Work:
        recipe = recipe_of(name)
        region = region_at(folder, recipe.input.resolution_um_px)
        sampler = training_sampler(recipe, Split("none", [[region]], []))
        sampler.stains(region)
        return sampler.drawn(recipe.optimiser.batch_size), lambda: Batches(recipe, sampler).make(epoch=0, number=0)

    return prepare


def stepping(name: str, batch: int) -> Prepare:
    """A step of so many tiles, the second one."""

    def prepare(_: Path, __: Path) -> Work:
        work = step_of(recipe_of(name, f"optimiser.batch_size={batch}"), "float32", "channels last")
        work()
        return batch, work

    return prepare


def searching(name: str, count: int) -> Prepare:
    """The network alone, on so many tiles, the second time."""

    def prepare(_: Path, __: Path) -> Work:
        recipe = recipe_of(name)
        predict = TilePredictor(build_model(recipe.model), recipe.input, torch.device("cpu"))
        pixels = np.zeros((count, recipe.size.height, recipe.size.width, 3), np.uint8)
        predict(pixels)
        return count, lambda: predict(pixels)

    return prepare


def maps(name: str) -> Prepare:
    """Of a part of a region at all thresholds, with the algorithm's tiling and the challenge's matching."""

    def prepare(folder: Path, _: Path) -> Work:
        recipe = recipe_of(name)
        whole = region_at(folder, 0.25)
        inside = (whole.figures < PART).all(axis=1)
        part = replace(whole, width=PART[0], height=PART[1], figures=whole.figures[inside])
        region = at_resolution(part, recipe.input.resolution_um_px)
        share = PART[0] * PART[1] / (FULL_SIZE[0] * FULL_SIZE[1])
        return share, lambda: counts_at_thresholds(dark_pixels, region, recipe, [recipe.postprocess])

    return prepare


def dark_pixels(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Tiles (B, H, W, 3) to probabilities (1, B, H, W) that fall with brightness."""
    return expit((70 - pixels.mean(axis=-1, dtype=np.float32)) / 10)[None]


def graph(folder: Path, _: Path) -> Work:
    recipe = recipe_of("vm_unet")
    model = build_model(recipe.model)
    return 1, lambda: write_onnx(model, recipe.size, folder / "vm_unet.onnx")


def running(count: int) -> Prepare:
    """The exported graph in ONNX Runtime, so many tiles at once; after the step that writes it."""

    def prepare(folder: Path, _: Path) -> Work:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(folder / "vm_unet.onnx", options, providers=["CPUExecutionProvider"])
        (image,) = session.get_inputs()
        size = recipe_of("vm_unet").size
        pixels = np.zeros((count, 3, size.height, size.width), np.float32)
        return count, lambda: session.run(None, {image.name: pixels})

    return prepare


LARGE, SMALL = "vm_unet", "vm_unet_small"
STEPS = (
    Step("folds", "run", folds, 1, "run"),
    Step("reading", "region", reading, REGIONS, "regions"),
    Step("masks by haematoxylin", "figure", haematoxylin, FIGURES, "figures"),
    Step("masks by NuClick", "figure", nuclick, FIGURES, "figures"),
    Step("import-weights", "file", importing, 1, "file"),
    Step("vm_unet: tiles", "tile", tiles(LARGE), 2_400_000, "tiles of a run"),
    Step("vm_unet: step", "tile", stepping(LARGE, 1), 2_400_000, "tiles of a run"),
    Step("vm_unet: network", "tile", searching(LARGE, 1), tiles_of_a_region(recipe_of(LARGE)), "tiles of a region"),
    Step("vm_unet: maps", "region", maps(LARGE), 1, "region"),
    Step("vm_unet_small: tiles", "tile", tiles(SMALL), 66_000, "tiles of a run"),
    Step("vm_unet_small: step", "tile", stepping(SMALL, 8), 48_000, "tiles of a run"),
    Step(
        "vm_unet_small: network", "tile", searching(SMALL, 8), tiles_of_a_region(recipe_of(SMALL)), "tiles of a region"
    ),
    Step("vm_unet_small: maps", "region", maps(SMALL), 1, "region"),
    Step("vm_unet: graph", "member", graph, 1, "member"),
    Step("vm_unet: graph, one tile", "tile", running(1), 64, "tiles of a comparison"),
    Step("vm_unet: graph, two tiles", "tile", running(2), 64, "tiles of a comparison"),
)

if __name__ == "__main__":
    main()

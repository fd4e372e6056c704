"""What a detector of boxes costs, beside torch and beside the most that the machine can do.

    python benchmarks/boxes_time.py [rtmdet_s rtmdet_small]

One network of each recipe, seen in one view, from pixels to boxes and logits: exported as the project does and run by
ONNX Runtime as `detect` runs it, and eager torch with channels last, which takes the same tiles as one batch. Weights
are random, which takes no other time. Two threads each. A patch has the paper's 1,920 x 1,280 px at 0.25 um/px, or as
many um at the recipe's resolution, without overlap; a mm2 is solid tissue with the recipe's. The share is of the
operations a second of a product of float32 matrices, measured in turn with them.

Then what merging 100,000 detections takes on one thread: scattered over a region of the challenge's full size, of one
bundle, and of two that detect together. Needs anaphase[cpu,train]; the last tables are in benchmarks/README.md.
"""

import argparse
import tempfile
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from timing import conditions, median_seconds

from algorithm.boxes_manifest import BoxesManifest, BoxesOutput
from algorithm.bundle import Bundle
from algorithm.detections import Detections
from algorithm.manifest import Member, ModelFile, Provenance
from algorithm.merging import merged_into
from algorithm.mixed import FUSION_RADIUS_UM, fused
from algorithm.runtime import BoxEnsemble
from algorithm.tiles import stride_px
from training.bundles.boxes import BoxesBundles
from training.digest import digest
from training.graph import write_onnx
from training.models.boxes import STRIDES
from training.models.build import build_model
from training.models.describe import describe
from training.predictor import Predictor
from training.recipe import BoxesRecipe, load_recipe

THREADS = 2
MATRIX = 2048
PATCH_MM2 = 1920 * 1280 * 0.25**2 / 1e6
REGION_PX, SPACING_UM = (7215, 5412), 0.25
DETECTIONS = 100_000
PRODUCT, TORCH, RUNTIME = "product of matrices", "torch", "ONNX Runtime"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="*", default=["rtmdet_s", "rtmdet_small"], metavar="RECIPE")
    parser.add_argument("--detections", type=int, default=DETECTIONS)
    options = parser.parse_args()

    torch.set_num_threads(THREADS)
    print(f"{conditions()}\n")
    print("| recipe | tile, px | way | ms a patch | ms a mm2 | times torch | share of the peak |")
    print(f"|{'---|' * 7}")
    for name in options.recipes:
        recipe = load_recipe(name)
        if not isinstance(recipe, BoxesRecipe):
            raise SystemExit(f"{name} finds no boxes: give a recipe with `system: boxes`.")
        with tempfile.TemporaryDirectory() as folder:
            tiles, ways = networks(recipe, Path(folder))
            print_rows(recipe, tiles, median_seconds({PRODUCT: product_of_matrices(), **ways}))

    torch.set_num_threads(1)
    print(f"\n{conditions()}\n\n| merging {options.detections:,} detections | ms |\n|---|---|")
    for name, seconds in median_seconds(mergings(options.detections)).items():
        print(f"| {name} | {1000 * seconds:.0f} |")


def networks(recipe: BoxesRecipe, folder: Path) -> tuple[int, dict[str, Callable[[], object]]]:
    """How many tiles each way takes at once, and the ways."""
    bundles = BoxesBundles(recipe)
    model = bundles.exported(build_model(recipe.model))
    graph = folder / "member.onnx"
    write_onnx(model, bundles.size, graph, bundles.output_names, bundles.free_step_px)
    ensemble = BoxEnsemble(bundle_of(recipe, graph), "cpu", THREADS)
    count, (width, height) = ensemble.batch_size, bundles.size
    tiles = np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)
    predictor = Predictor(model.to(memory_format=torch.channels_last), recipe.input, torch.device("cpu"))

    @torch.inference_mode()
    def in_torch() -> NDArray[np.float32]:
        return model(predictor.prepared(tiles).contiguous(memory_format=torch.channels_last)).numpy()

    return count, {TORCH: in_torch, RUNTIME: lambda: ensemble.answers(tiles)}


def bundle_of(recipe: BoxesRecipe, graph: Path) -> Bundle:
    """A bundle of one graph, which is not written down."""
    manifest = BoxesManifest(
        name=recipe.name,
        version="none",
        members=(Member(files={"any": ModelFile(file=graph.name, sha256=digest(graph))}),),
        input=recipe.input,
        output=BoxesOutput(strides=STRIDES),
        postprocess=recipe.postprocess,
        provenance=Provenance(recipe=recipe.name, datasets=(), parity={}, code_revision="none", tools={}, date="none"),
        intended_use="To be timed.",
    )
    return Bundle(manifest, graph.parent)


def product_of_matrices() -> Callable[[], object]:
    """A product of two square matrices of float32."""
    one, other = torch.rand(2, MATRIX, MATRIX)
    return lambda: one @ other


def print_rows(recipe: BoxesRecipe, tiles: int, medians: Mapping[str, float]) -> None:
    """A row for each way, beside what the machine does at most."""
    settings = recipe.input
    strides = stride_px(settings.tile_px, settings.overlap)
    tile_mm2, new_mm2 = (prod(sides) * (settings.resolution_um_px / 1000) ** 2 for sides in (settings.tile_px, strides))
    operations = tiles * describe(recipe).operations
    peak = 2 * MATRIX**3 / medians[PRODUCT]
    for way in (TORCH, RUNTIME):
        seconds = medians[way] / tiles
        cells: list[Any] = [recipe.name, settings.tile_px, way]
        cells += [f"{1000 * seconds / tile_mm2 * PATCH_MM2:.1f}", f"{1000 * seconds / new_mm2:.0f}"]
        cells += [f"{medians[way] / medians[TORCH]:.2f}", f"{operations / medians[way] / peak:.0%}"]
        print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)
    print(f"| {recipe.name} | | {PRODUCT}, {peak / 1e9:.0f} G operations a second | | | | 100% |", flush=True)


def mergings(count: int) -> dict[str, Callable[[], object]]:
    """The ways of merging, each with as many detections."""
    rng = np.random.default_rng(0)
    points, scores = rng.uniform((0, 0), REGION_PX, (count, 2)), rng.uniform(0.1, 1, count)
    halves = [Detections(points[part::2], scores[part::2], scores[part::2, None]) for part in (0, 1)]
    return {
        "of one bundle": lambda: merged_into(points, scores, FUSION_RADIUS_UM / SPACING_UM),
        "of two bundles": lambda: fused(halves, [0.1, 0.1], (SPACING_UM, SPACING_UM)),
    }


if __name__ == "__main__":
    main()

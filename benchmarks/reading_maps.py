"""What the overlap of tiles and the way of reading maps are worth: F1 on the held-out slides of a run.

    python benchmarks/reading_maps.py runs/fold0 --data regions-train AMi-Br

Every row takes the threshold that is best for it on the same slides. Needs anaphase[cpu,train]; `--data` as the run had
it. The last tables are in benchmarks/README.md.
"""

import argparse
import itertools
import time
from pathlib import Path

import torch

from evaluation.thresholds import OperatingPoint
from training.checkpoints import BEST, load_checkpoint
from training.data.read import read_data
from training.data.split import searched, split_fold
from training.models.build import build_model
from training.revalidate import recipe_of_run
from training.systems.segmentation import TilePredictor
from training.validation import best_scores

OVERLAPS = (0.0, 0.25, 0.5, 0.8)
BLENDINGS = ("uniform", "gaussian")
DILATIONS_UM = (0.0, 1.25, 2.5, 3.75)
AREAS_UM2 = (1.875, 5.0, 10.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    options = parser.parse_args()

    checkpoint, recipe = load_checkpoint(options.run / BEST), recipe_of_run(options.run, [])
    data = read_data(options.data, [], recipe.input.resolution_um_px)
    regions = searched(split_fold(data, recipe, checkpoint["fold"]).validation)
    model = build_model(recipe.model, checkpoint["model"])
    predict = TilePredictor(model, recipe.input, torch.device("cpu"))
    figures = sum(len(region.figures) for region in regions)
    print(f"{recipe.name}, fold {checkpoint['fold']}: {len(regions)} held-out regions, {figures} mitotic figures\n")

    print("| overlap | blending | F1 | threshold | seconds |\n|---|---|---|---|---|")
    for overlap, blending in itertools.product(OVERLAPS, BLENDINGS):
        changed = recipe_of_run(options.run, [f"input.overlap={overlap}", f"postprocess.blending={blending}"])
        start = time.perf_counter()
        (score,) = best_scores(predict, regions, changed, [changed.postprocess])
        print(f"| {overlap} | {blending} | {figures_of(score)} | {time.perf_counter() - start:.0f} |", flush=True)

    print("\n| dilation, um | minimum area, um2 | F1 | threshold |\n|---|---|---|---|")
    pairs = list(itertools.product(DILATIONS_UM, AREAS_UM2))
    readings = [
        recipe.postprocess.model_copy(update={"dilation_radius_um": dilation, "minimum_area_um2": area})
        for dilation, area in pairs
    ]
    for (dilation, area), score in zip(pairs, best_scores(predict, regions, recipe, readings), strict=True):
        print(f"| {dilation} | {area} | {figures_of(score)} |")


def figures_of(score: OperatingPoint) -> str:
    """F1 and threshold as two cells."""
    return f"{score.counts.f1:.3f} | {score.threshold}"


if __name__ == "__main__":
    main()

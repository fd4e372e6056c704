"""What the overlap of tiles is worth: F1 on the held-out slides of a run, and what it costs.

    python benchmarks/overlap.py runs/fold0 --data regions-train

Each row takes the threshold that is best for it on the same slides, so that rows differ by the tiles alone. Needs
anaphase[cpu,train]; `--data` as the run had it, its first data set. The last table is in benchmarks/README.md.
"""

import argparse
import time
from pathlib import Path

import torch

from training.checkpoints import BEST, load_checkpoint
from training.data.read import read_data
from training.fit import split_fold
from training.models.build import build_model
from training.recipe import recipe_from
from training.systems.segmentation import TilePredictor
from training.validation import best_score

OVERLAPS = (0.0, 0.25, 0.5, 0.8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    options = parser.parse_args()

    checkpoint = load_checkpoint(options.run / BEST)
    recipe = recipe_from(checkpoint["recipe"], str(options.run))
    data = read_data(options.data, [], recipe.input.resolution_um_px)
    regions = split_fold(data, recipe.folds, checkpoint["fold"]).validation[0]
    model = build_model(recipe.model)
    model.load_state_dict(checkpoint["model"])
    predict = TilePredictor(model, recipe.input, torch.device("cpu"))
    print(f"{len(regions)} held-out regions, {sum(len(region.figures) for region in regions)} mitotic figures")
    print("| overlap | blending | F1 | threshold | seconds |\n|---|---|---|---|---|")
    for overlap in OVERLAPS:
        for blending in ("uniform", "gaussian"):
            changed = recipe.model_copy(
                update={
                    "input": recipe.input.model_copy(update={"overlap": overlap}),
                    "postprocess": recipe.postprocess.model_copy(update={"blending": blending}),
                }
            )
            start = time.perf_counter()
            score = best_score(predict, regions, changed)
            seconds = time.perf_counter() - start
            print(f"| {overlap} | {blending} | {score.counts.f1:.3f} | {score.threshold} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()

"""What a step of training costs: numbers of 32 or 16 bits, channels first or last, as ratios within one run.

    OMP_NUM_THREADS=1 python benchmarks/training_step.py vm_unet_small unet_small

One step is a recipe's batch, forward and backward, and the optimiser's step. `build_model` has channels last; half
precision is `optimiser.precision=bfloat16`. Needs anaphase[train]; takes the GPU where there is one. The last table is
in benchmarks/README.md.
"""

import argparse
from collections.abc import Callable
from itertools import product

import torch
from timing import DEVICE, conditions, median_seconds

from training.models.build import build_model
from training.optimiser import optimiser_of
from training.recipe import Recipe, load_recipe
from training.systems.segmentation import loss

LAYOUTS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="+", metavar="RECIPE", help="a recipe's name or a YAML file")
    options = parser.parse_args()
    print(f"{conditions()}; ratio to the first row of the recipe\n")
    print("| recipe | tiles | precision | layout | seconds | ratio |\n|---|---|---|---|---|---|")
    for name in options.recipes:
        recipe = load_recipe(name)
        ways = product(("float32", "bfloat16"), LAYOUTS)
        medians = median_seconds({way: step_of(recipe, *way) for way in ways})
        first = next(iter(medians.values()))
        for way, median in medians.items():
            cells = [name, recipe.optimiser.batch_size, *way, f"{median:.3f}", f"{median / first:.2f}"]
            print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def step_of(recipe: Recipe, precision: str, layout: str) -> Callable[[], None]:
    """A step on tiles of noise, as training/trainer.py makes it, without the making of tiles."""
    torch.manual_seed(0)
    model = build_model(recipe.model).to(DEVICE, memory_format=LAYOUTS[layout]).train()
    optimiser = optimiser_of(model, recipe.optimiser)
    shape = (recipe.optimiser.batch_size, 3, recipe.size.height, recipe.size.width)
    tiles = torch.randn(shape, device=DEVICE)
    masks = (torch.rand_like(tiles[:, :1]) > 0.97).float()

    def step() -> None:
        with torch.autocast(DEVICE.type, torch.bfloat16, enabled=precision == "bfloat16"):
            logits = model(tiles).float()
        optimiser.zero_grad()
        loss(logits, masks, recipe.loss).backward()
        optimiser.step()

    return step


if __name__ == "__main__":
    main()

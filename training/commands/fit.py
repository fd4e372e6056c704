"""`fit RECIPE --data ... --output RUN`: train one fold of a recipe."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from algorithm.commands.console import say
from algorithm.errors import AlgorithmError
from training.commands.arguments import Commands, add_data, add_overrides, add_recipe
from training.data.folds import Fold

if TYPE_CHECKING:
    from training.generators import Generators
    from training.recipe import AnyRecipe


def add_to(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("fit", help="train one fold of a recipe")
    add_recipe(parser)
    add_overrides(parser)
    add_data(parser)
    figure_free = "folders of pictures without figures, SPIDER, NCT-CRC-HE-100K"
    parser.add_argument("--figure-free", type=Path, nargs="+", default=[], help=figure_free)
    parser.add_argument("--mined", type=Path, metavar="CSV", help="look-alikes that `mine` found: hard negatives")
    parser.add_argument("--output", type=Path, required=True, metavar="RUN", help="the run's folder")
    parser.add_argument(
        "--fold", type=_fold, default=0, help="the fold that is held out: its number, or by domain a domain's name"
    )
    parser.add_argument(
        "--weights", type=Path, metavar="CKPT", help="start from a file of import-weights, or from a run's folder"
    )
    masks = "files of make-masks, one a data set; none: disks"
    parser.add_argument("--masks", type=Path, nargs="+", default=[], metavar="FILE", help=masks)
    generators = "the folder of a run of restain or restain_small, for sampling.unsa=restain"
    parser.add_argument("--generators", type=Path, metavar="RUN", help=generators)
    parser.add_argument("--resume", action="store_true", help="go on from the run's last checkpoint")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read the data, say what there is, and train: alone, or with the processes that torchrun started."""
    from training.distributed import processes

    with processes():
        _fit(arguments)
    return 0


def _fit(arguments: argparse.Namespace) -> None:
    """A resumed run has its weights and reads no others. Of several processes the first speaks."""
    from training.distributed import rank
    from training.figures_line import figures_line
    from training.fit import fit
    from training.masks.settings import masks_of
    from training.masks.use import with_masks
    from training.recipe import load_recipe
    from training.systems.build import read_for
    from training.weights.files import read_weights

    tell = say if rank() == 0 else lambda _: None
    recipe = load_recipe(arguments.recipe, arguments.overrides)
    masks = masks_of(recipe) if arguments.masks else None
    generators = None if arguments.generators is None else _generators(recipe, arguments.generators)
    weights = None
    if arguments.weights is not None and not arguments.resume:
        weights = read_weights(arguments.weights, recipe.model)
        tell(f"{arguments.weights}: {weights.record['tensors']} of the network's {weights.record['of']} tensors loaded")
    data = read_for(recipe, arguments.data, arguments.figure_free, arguments.spacing_um, arguments.mined)
    tell("\n".join(data.summary))
    if masks is not None:
        data = with_masks(data, arguments.data, arguments.masks, masks)
        tell("\n".join(f"{file['file']}: the masks of {file['data_set']}" for file in data.masks))
    tested = fit(recipe, data, arguments.output, arguments.fold, arguments.resume, weights, generators)
    for folder, found in tested.items():
        which = f"{folder.name}, " if len(tested) > 1 else ""
        tell(f"{which}held-out domain: {figures_line(found, 'tested')}")


def _generators(recipe: "AnyRecipe", folder: Path) -> "Generators":
    from training.generators import read_generators
    from training.recipe import NucleiRecipe

    if not isinstance(recipe, NucleiRecipe) or recipe.sampling.unsa != "restain":
        raise AlgorithmError(f"{recipe.name} restains nothing.", "Set sampling.unsa=restain, or leave generators out.")
    return read_generators(folder, recipe.input.resolution_um_px)


def _fold(text: str) -> Fold:
    return int(text) if text.lstrip("-").isdigit() else text

"""`make-masks DATA... --output MASKS key=value...`: masks of the mitotic figures, made once for training."""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algorithm.commands.console import UsageError, say
from training.commands.arguments import DATA, Commands, add_overrides
from training.digest import digest

if TYPE_CHECKING:
    from training.mask_settings import MaskSettings
    from training.masks.make import Segment

RESOLUTION_UM_PX = 0.25


def add_to(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("make-masks", help="masks of the mitotic figures, made once for training")
    parser.add_argument("data", type=Path, nargs="+", metavar="DATA", help=DATA)
    add_overrides(parser, "settings of the masks to change, as blur_um=0")
    parser.add_argument("--recipe", metavar="RECIPE", help="whose settings of masks are taken; none: the usual ones")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="NuClick's checkpoint; none: haematoxylin alone")
    parser.add_argument("--output", type=Path, required=True, metavar="MASKS", help="the masks' folder, new")
    parser.add_argument(
        "--resolution-um-px", type=_resolution, default=RESOLUTION_UM_PX, metavar="X", help="um per pixel of the masks"
    )
    parser.add_argument("--typed", action="store_true", help="of the patches that a classifier learns from")
    parser.add_argument("--spacing-um", type=float, metavar="X", help="um per pixel of images that do not say it")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write a file of masks for every data set and a contact sheet, and say how many figures had to get a disk."""
    from rich.console import Console
    from rich.progress import Progress

    from training.data.names import data_set_name
    from training.data.read import read_data
    from training.data.typed import read_typed
    from training.masks.make import make_masks, require_new, summary, write_folder
    from training.masks.settings import mask_settings

    folders, overrides = _folders_and_overrides(arguments.data, arguments.overrides)
    nuclick = arguments.weights is not None
    settings = mask_settings(arguments.recipe, overrides, nuclick)
    of_way = settings.of_way(nuclick)
    names = [data_set_name(folder) for folder in folders]
    if len(set(names)) < len(names):
        raise UsageError("Two data sets have the same name: masks are kept by the names of folders.")
    require_new(arguments.output)
    segment, weights = _way(arguments.weights, settings)
    if arguments.typed:
        data = read_typed(folders, arguments.resolution_um_px, arguments.spacing_um)
    else:
        data = read_data(folders, [], arguments.resolution_um_px, arguments.spacing_um)
    say("\n".join(data.summary))
    figures = sum(len(region.figures) for regions in data.annotated for region in regions)
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        bar = progress.add_task("masks", total=figures)
        made = [
            make_masks(name, regions, segment, of_way, lambda: progress.advance(bar))
            for name, regions in zip(names, data.annotated, strict=True)
        ]
    about = {"resolution_um_px": arguments.resolution_um_px, "weights": weights, "settings": of_way}
    write_folder(arguments.output, made, data.annotated, about)
    for masks in made:
        say(_line(summary(masks)))
    return 0


def _folders_and_overrides(data: list[Path], overrides: list[str]) -> tuple[list[Path], list[str]]:
    """argparse takes every word before the options for data; one with "=" that is no folder is an override."""
    words = [path for path in data if "=" in str(path) and not path.exists()]
    folders = [path for path in data if path not in words]
    if not folders:
        raise UsageError("No data set is given.")
    return folders, [*map(str, words), *overrides]


def _way(weights: Path | None, settings: "MaskSettings") -> "tuple[Segment, dict[str, str] | None]":
    """What makes the masks, and which weights it has."""
    if weights is None:
        from training.masks.threshold import threshold_masks

        return partial(threshold_masks, settings=settings), None
    import torch

    from training.masks.nuclick import NuClickMasks
    from training.weights.nuclick import read_nuclick

    model = read_nuclick(weights)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return NuClickMasks(model, device, settings), {"file": weights.name, "sha256": digest(weights)}


def _line(found: dict[str, Any]) -> str:
    ways = f"{found['nuclick']} by NuClick, {found['threshold']} by threshold, {found['disk']} disks instead"
    return f"{found['data_set']}: {found['figures']} masks, {ways}; median {found['median_area_um2']} um2"


def _resolution(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} is no resolution: give 0.1 to 1.0 um/px")
    return value

"""`mine RUN --sources ...`: what a run takes for figures where none are, as look-alikes for the next run."""

import argparse
import io
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from algorithm.commands.arguments import probability
from algorithm.commands.console import UsageError, counting_bar, say, say_json
from algorithm.errors import AlgorithmError
from training.commands.arguments import Commands

if TYPE_CHECKING:
    from training.data.regions import Region
    from training.mining import Counts, Mined, Miner

THRESHOLD = 0.25
FILE = "look-alikes.csv"


def add_to(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("mine", help="look-alikes for the next run, from tissue without figures")
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="the folder of a detector's run")
    sources = "what `fit --figure-free` takes, and annotated data sets, of which the parts without figures count"
    parser.add_argument("--sources", type=Path, nargs="+", required=True, metavar="FOLDER", help=sources)
    tissue = "of SPIDER and NCT-CRC-HE-100K these classes alone, as Necrosis DEB; default all that are figure-free"
    parser.add_argument("--tissue", nargs="+", metavar="CLASS", help=tissue)
    threshold = f"the least score of a prediction that is taken; default {THRESHOLD}"
    parser.add_argument("--threshold", type=probability, default=THRESHOLD, metavar="X", help=threshold)
    output = f"the file of look-alikes; one that is there is added to; default {FILE} in the run's folder"
    parser.add_argument("--output", type=Path, metavar="CSV", help=output)
    parser.add_argument("--spacing-um", type=float, metavar="X", help="um per pixel of images that do not say it")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Add a round to the file of look-alikes, draw them, and say how many there are of each source."""
    from training.data.look_alikes import read_look_alikes, write_look_alikes
    from training.distributed import device
    from training.mining import Miner, contact_sheet
    from training.recipe import DetectionRecipe
    from training.revalidate import recipe_of_run
    from training.whole_file import write_whole

    recipe = recipe_of_run(arguments.run_folder, [])
    if not isinstance(recipe, DetectionRecipe):
        raise AlgorithmError(f"{arguments.run_folder} finds no figures.", "Give a detector's run.")
    output = arguments.output or arguments.run_folder / FILE
    known = read_look_alikes(output) if output.exists() else []
    sources = _sources(arguments, recipe.input.resolution_um_px)
    miner = Miner(arguments.run_folder, recipe, arguments.threshold, known, device())
    mined, counts = _mined(miner, sources)
    sheet = output.with_name(f"{output.stem}-{miner.round}.png") if mined else None
    if sheet is not None:
        picture = io.BytesIO()
        contact_sheet(mined).save(picture, "PNG")
        write_whole(sheet, picture.getvalue())
    every = [*known, *(look_alike for _, look_alike in mined)]
    write_look_alikes(output, every)
    about = {"file": str(output), "sheet": sheet and str(sheet), "round": miner.round, "look_alikes": len(every)}
    if arguments.json:
        say_json({**about, "sources": [{"source": name, **asdict(found)} for name, found in counts.items()]})
        return 0
    for name, found in counts.items():
        say(_line(name, found))
    say(f"{output}: {len(mined)} look-alikes of round {miner.round}, {len(every)} in all")
    if sheet is not None:
        say(f"{sheet}: look at them; what is a mitotic figure after all is a line to delete")
    return 0


def _sources(arguments: argparse.Namespace, resolution_um_px: float) -> "dict[str, list[Region]]":
    """The regions of each source by its name, and a line about each for the user."""
    from training.data.names import data_set_name
    from training.data.read import read_source

    sources: dict[str, list[Region]] = {}
    for folder in arguments.sources:
        name = data_set_name(folder)
        if name in sources:
            raise UsageError(f"Two sources are called {name}: look-alikes are kept by the names of folders.")
        sources[name], line = read_source(folder, resolution_um_px, arguments.spacing_um)
        if not arguments.json:
            say(line)
    return sources if arguments.tissue is None else _of_tissue(sources, arguments.tissue)


def _of_tissue(sources: "dict[str, list[Region]]", wanted: list[str]) -> "dict[str, list[Region]]":
    """The patches of these classes; sources whose regions have no class are kept whole."""
    there = {region.tissue for regions in sources.values() for region in regions} - {""}
    unknown = sorted(set(wanted) - there)
    if unknown:
        listed = ", ".join(sorted(there)) or "no classes of tissue"
        raise AlgorithmError(f"The sources have no tissue called {unknown[0]}.", f"They have {listed}.")
    kept = {"", *wanted}
    return {name: [region for region in regions if region.tissue in kept] for name, regions in sources.items()}


def _mined(miner: "Miner", sources: "dict[str, list[Region]]") -> "tuple[Mined, dict[str, Counts]]":
    """The look-alikes of all sources, and what was found in each."""
    mined, counts = [], {}
    total = sum(len(regions) for regions in sources.values())
    with counting_bar("mining", total, "regions") as progress:
        numbers = iter(range(1, total + 1))
        for name, regions in sources.items():
            found, counts[name] = miner.mine(name, regions, lambda: progress(next(numbers)))
            mined += found
    return mined, counts


def _line(name: str, found: "Counts") -> str:
    left_out = f"{found.near_figures} near annotated figures, {found.known} known already"
    where = f"{found.regions} regions, {found.area_mm2:.2f} mm2"
    return f"{name}: {where}; {found.predictions} predictions, {left_out}, {found.look_alikes} look-alikes"

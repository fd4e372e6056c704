"""Reading whatever data sets a run is given, told apart by what their folders hold."""

from dataclasses import dataclass
from pathlib import Path

from algorithm.errors import InputError
from training.data import ami_br, midogpp
from training.data.figure_free import read_figure_free
from training.data.regions import Region, at_resolution


@dataclass(frozen=True)
class Data:
    """What a run trains on: annotated data sets, figure-free tissue, and a line about each for the user."""

    annotated: list[list[Region]]
    figure_free: list[Region]
    summary: list[str]


def read_data(folders: list[Path], figure_free: list[Path], resolution_um_px: float) -> Data:
    """All regions at one resolution. Raises InputError for a folder of no known layout."""
    annotated, summary = [], []
    for folder in folders:
        regions, line = _read_annotated(folder)
        annotated.append([at_resolution(region, resolution_um_px) for region in regions])
        summary.append(line)
    pictures = [picture for folder in figure_free for picture in read_figure_free(folder, resolution_um_px)]
    if pictures:
        summary.append(f"figure-free tissue: {len(pictures)} pictures")
    return Data(annotated, pictures, summary)


def _read_annotated(folder: Path) -> tuple[list[Region], str]:
    if (folder / ami_br.TABLE).is_file():
        regions = ami_br.read_ami_br(folder)
        return regions, f"{folder.name}: AMi-Br, training part, {_count(regions)}"
    if (folder / midogpp.ANNOTATIONS).is_file():
        found = midogpp.read_midogpp(folder)
        left_out = f"{found.unlabelled_images} unlabelled and {found.missing_images} missing images left out"
        dropped = f"{found.off_tissue} annotations off the tissue dropped"
        return found.regions, f"{folder.name}: MIDOG++ layout, {_count(found.regions)}; {left_out}, {dropped}"
    raise InputError(
        f"{folder} is no data set of a known layout.",
        f"Give a folder with {midogpp.ANNOTATIONS} and images/, or with {ami_br.TABLE}.",
    )


def _count(regions: list[Region]) -> str:
    figures, look_alikes = (sum(len(getattr(r, kind)) for r in regions) for kind in ("figures", "hard_negatives"))
    return f"{len(regions)} regions, {figures} mitotic figures, {look_alikes} hard negatives"

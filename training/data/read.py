"""Reading whatever data sets a run is given, told apart by what their folders hold."""

from dataclasses import dataclass, field
from pathlib import Path

from algorithm.errors import InputError
from training.data import ami_br, midog25, midogpp
from training.data.cases import Case, count
from training.data.figure_free import read_figure_free
from training.data.regions import Region, at_resolution


@dataclass(frozen=True)
class Data:
    """What a run trains on: annotated data sets, figure-free tissue, and a line about each for the user.

    cases: what the tables of the data sets name, also where the image is missing. masks: the files that the figures'
    masks come from, as a run remembers them (data_set, file, sha256); none where figures are disks.
    """

    annotated: list[list[Region]]
    figure_free: list[Region]
    summary: list[str]
    cases: list[Case] = field(default_factory=list)
    masks: list[dict[str, str]] = field(default_factory=list)


def read_data(
    folders: list[Path], figure_free: list[Path], resolution_um_px: float, spacing_um: float | None = None
) -> Data:
    """All regions at one resolution; spacing_um is that of images which do not say theirs (um/px).

    Raises InputError for a folder of no known layout.
    """
    annotated, summary, cases = [], [], []
    for folder in folders:
        regions, line, known = _read_annotated(folder, spacing_um)
        annotated.append([at_resolution(region, resolution_um_px) for region in regions])
        summary.append(line)
        cases += known
    pictures = [picture for folder in figure_free for picture in read_figure_free(folder, resolution_um_px)]
    if pictures:
        summary.append(f"figure-free tissue: {len(pictures)} pictures")
    return Data(annotated, pictures, summary, cases)


def read_cases(folders: list[Path]) -> tuple[list[Case], list[str]]:
    """The cases of all data sets from their tables alone, and a line about each. Raises InputError as `read_data`."""
    cases, summary = [], []
    for folder in folders:
        if (folder / midog25.TABLE).is_file():
            known = midog25.midog25_cases(folder)
            summary.append(f"{folder.name}: MIDOG 2025 atypical set, {count(known)}")
        elif _is_ami_br(folder):
            known = ami_br.ami_br_cases(folder)
            summary.append(f"{folder.name}: AMi-Br, training part, {count(known)}")
        else:
            found = midogpp.read_cases(folder)
            known = found.cases
            notes = f"{found.unlabelled_images} unlabelled images left out, {found.missing_images} images missing"
            over_border = f"{found.over_border} boxes reach over the border"
            summary.append(f"{folder.name}: MIDOG++ layout, {count(known)}; {notes}, {over_border}")
        cases += known
    return cases, summary


def _read_annotated(folder: Path, spacing_um: float | None) -> tuple[list[Region], str, list[Case]]:
    if _is_ami_br(folder):
        regions = ami_br.read_ami_br(folder)
        return regions, f"{folder.name}: AMi-Br, training part, {_count(regions)}", ami_br.ami_br_cases(folder)
    found = midogpp.read_midogpp(folder, spacing_um)
    dropped = f"{found.off_tissue} annotations off the tissue dropped, {found.over_border} boxes reach over the border"
    line = f"{folder.name}: MIDOG++ layout, {_count(found.regions)}; {found.left_out}, {dropped}"
    return found.regions, line, found.cases


def _is_ami_br(folder: Path) -> bool:
    """AMi-Br, or else MIDOG++'s layout. Raises InputError for a folder that is neither."""
    if (folder / ami_br.TABLE).is_file():
        return True
    if (folder / midogpp.ANNOTATIONS).is_file():
        return False
    raise InputError(
        f"{folder} is no data set of a known layout.",
        f"Give a folder with {midogpp.ANNOTATIONS} and images/, or with {ami_br.TABLE}.",
    )


def _count(regions: list[Region]) -> str:
    figures, look_alikes = (sum(len(getattr(r, kind)) for r in regions) for kind in ("figures", "hard_negatives"))
    return f"{len(regions)} regions, {figures} mitotic figures, {look_alikes} hard negatives"

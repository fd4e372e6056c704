"""Reading whatever data sets a run is given, told apart by what their folders hold."""

from dataclasses import dataclass, field
from pathlib import Path

from algorithm.errors import InputError
from training.data import ami_br, midog25, midogpp, slide_runner
from training.data.amida13 import AMIDA13
from training.data.cases import Case, count
from training.data.look_alikes import LookAlike, read_look_alikes, with_look_alikes
from training.data.mitos_atypia14 import MITOS_ATYPIA14
from training.data.names import data_set_name
from training.data.negatives import read_negatives
from training.data.point_tables import PointTables
from training.data.regions import Region, at_resolution
from training.data.tupac16 import TUPAC16
from training.digest import digest

POINT_TABLES = (TUPAC16, MITOS_ATYPIA14, AMIDA13)


@dataclass(frozen=True)
class Data:
    """What a run trains on: annotated data sets, figure-free tissue, and a line about each for the user.

    cases: what the tables of the data sets name, also where the image is missing. masks: the files that the figures'
    masks come from, as a run remembers them (data_set, file, sha256); none where figures are disks. mined: the file of
    mined look-alikes (file, sha256), if there is one.
    """

    annotated: list[list[Region]]
    figure_free: list[Region]
    summary: list[str]
    cases: list[Case] = field(default_factory=list)
    masks: list[dict[str, str]] = field(default_factory=list)
    mined: list[dict[str, str]] = field(default_factory=list)


def read_data(
    folders: list[Path],
    figure_free: list[Path],
    resolution_um_px: float,
    spacing_um: float | None = None,
    mined: Path | None = None,
) -> Data:
    """All regions at one resolution; spacing_um is that of images which do not say theirs (um/px).

    mined: a file of look-alikes, which become hard negatives. Raises InputError for a folder of no known layout, and
    for a file of look-alikes that is of other data.
    """
    names = [data_set_name(folder) for folder in [*folders, *figure_free]]
    look_alikes, record, last_line = _read_mined(mined, names)
    annotated, summary, cases = [], [], []
    for folder in folders:
        regions, line, known = read_annotated(folder, spacing_um)
        regions = with_look_alikes(regions, data_set_name(folder), look_alikes, str(mined))
        annotated.append([at_resolution(region, resolution_um_px) for region in regions])
        summary.append(line)
        cases += known
    negatives = []
    for folder in figure_free:
        regions, line = read_negatives(folder, resolution_um_px)
        regions = with_look_alikes(regions, data_set_name(folder), look_alikes, str(mined))
        # patches by the hundred thousand are larger than memory, and pictures are in it already
        negatives += [at_resolution(region, resolution_um_px, keep=False) for region in regions]
        summary.append(line)
    return Data(annotated, negatives, [*summary, *last_line], cases, mined=record)


def read_source(folder: Path, resolution_um_px: float, spacing_um: float | None) -> tuple[list[Region], str]:
    """The regions of a folder of either kind, annotated or figure-free, and a line about them, for mining.

    They are as published, at their own resolution; plain pictures are taken as if they were at the one given. Raises
    InputError as the readers do.
    """
    if not _is_annotated(folder):
        return read_negatives(folder, resolution_um_px)
    regions, line, _ = read_annotated(folder, spacing_um)
    return regions, line


def _read_mined(path: Path | None, names: list[str]) -> tuple[list[LookAlike], list[dict[str, str]], list[str]]:
    """The look-alikes of a file, what a run remembers of it, and a line for the user."""
    if path is None:
        return [], [], []
    found = read_look_alikes(path)
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(
            f"Two folders are called {twice[0]}: mined look-alikes are kept by the names of folders.", "Rename one."
        )
    used = sum(each.data_set in names for each in found)
    left_out = f", {len(found) - used} of other data sets left out" if used < len(found) else ""
    line = f"{path.name}: {used} mined look-alikes{left_out}"
    return found, [{"file": path.name, "sha256": digest(path)}], [line]


def read_cases(folders: list[Path]) -> tuple[list[Case], list[str]]:
    """The cases of all data sets from their tables alone, and a line about each. Raises InputError as `read_data`."""
    cases, summary = [], []
    for folder in folders:
        known, line = _cases_of(folder)
        cases += known
        summary.append(line)
    return cases, summary


def _cases_of(folder: Path) -> tuple[list[Case], str]:
    if (folder / midog25.TABLE).is_file():
        known = midog25.midog25_cases(folder)
        return known, f"{folder.name}: MIDOG 2025 atypical set, {count(known)}"
    if (folder / ami_br.TABLE).is_file():
        known = ami_br.ami_br_cases(folder)
        return known, f"{folder.name}: AMi-Br, training part, {count(known)}"
    if tables := _point_tables(folder):
        known = tables.cases(folder)
        return known, f"{folder.name}: {tables.name} layout, {count(known)}"
    if slide_runner.is_one(folder):
        slides = slide_runner.read_cases(folder)
        return slides.cases, f"{folder.name}: SlideRunner database, {count(slides.cases)}; {slides.left_out}"
    found = midogpp.read_cases(folder)
    notes = f"{found.unlabelled_images} unlabelled images left out, {found.missing_images} images missing"
    clipped = f"{found.clipped} boxes clipped at the border"
    return found.cases, f"{folder.name}: MIDOG++ layout, {count(found.cases)}; {notes}, {clipped}"


def _is_annotated(folder: Path) -> bool:
    known = any((folder / table).is_file() for table in (ami_br.TABLE, midogpp.ANNOTATIONS))
    return known or slide_runner.is_one(folder) or _point_tables(folder) is not None


def _point_tables(folder: Path) -> PointTables | None:
    return next((tables for tables in POINT_TABLES if tables.is_one(folder)), None)


def read_annotated(folder: Path, spacing_um: float | None) -> tuple[list[Region], str, list[Case]]:
    """The regions of an annotated data set as published, at their own resolution, a line about them, and its cases.

    Raises InputError for a folder of no known layout, and as its reader does.
    """
    if (folder / ami_br.TABLE).is_file():
        regions = ami_br.read_ami_br(folder)
        return regions, f"{folder.name}: AMi-Br, training part, {_count(regions)}", ami_br.ami_br_cases(folder)
    if (folder / midogpp.ANNOTATIONS).is_file():
        found = midogpp.read_midogpp(folder, spacing_um)
        dropped = f"{found.off_tissue} annotations off the tissue dropped"
        notes = f"{found.left_out}, {dropped}, {found.clipped} boxes clipped at the border"
        return found.regions, f"{folder.name}: MIDOG++ layout, {_count(found.regions)}; {notes}", found.cases
    if tables := _point_tables(folder):
        images = tables.read(folder, spacing_um)
        notes = f"{images.missing_images} missing images left out, {images.outside} annotations off their image dropped"
        return images.regions, f"{folder.name}: {tables.name} layout, {_count(images.regions)}; {notes}", images.cases
    if slide_runner.is_one(folder):
        slides = slide_runner.read_slide_runner(folder, spacing_um)
        notes = f"{slides.left_out}, {slides.outside} off their slide dropped"
        return slides.regions, f"{folder.name}: SlideRunner database, {_count(slides.regions)}; {notes}", slides.cases
    raise InputError(
        f"{folder} is no data set of a known layout.",
        f"Give a folder with {midogpp.ANNOTATIONS} and images/, with {ami_br.TABLE}, with "
        f"{', with '.join(tables.needs for tables in POINT_TABLES)}, or with a database of SlideRunner and its slides.",
    )


def _count(regions: list[Region]) -> str:
    figures, look_alikes = (sum(len(getattr(r, kind)) for r in regions) for kind in ("figures", "hard_negatives"))
    return f"{len(regions)} regions, {figures} mitotic figures, {look_alikes} hard negatives"

"""Reading whatever data sets a run is given, told apart by what their folders hold."""

from dataclasses import dataclass, field
from pathlib import Path

from algorithm.errors import InputError
from training.data import ami_br, midog25, midogpp, slide_runner, tupac16
from training.data.cases import Case, count
from training.data.negatives import read_negatives
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
    negatives = []
    for folder in figure_free:
        regions, line = read_negatives(folder, resolution_um_px)
        negatives += regions
        summary.append(line)
    return Data(annotated, negatives, summary, cases)


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
    if tupac16.is_one(folder):
        known = tupac16.tupac16_cases(folder)
        return known, f"{folder.name}: TUPAC16 layout, {count(known)}"
    if slide_runner.is_one(folder):
        slides = slide_runner.read_cases(folder)
        return slides.cases, f"{folder.name}: SlideRunner database, {count(slides.cases)}; {slides.left_out}"
    found = midogpp.read_cases(folder)
    notes = f"{found.unlabelled_images} unlabelled images left out, {found.missing_images} images missing"
    over_border = f"{found.over_border} boxes reach over the border"
    return found.cases, f"{folder.name}: MIDOG++ layout, {count(found.cases)}; {notes}, {over_border}"


def _read_annotated(folder: Path, spacing_um: float | None) -> tuple[list[Region], str, list[Case]]:
    """Raises InputError for a folder of no known layout."""
    if (folder / ami_br.TABLE).is_file():
        regions = ami_br.read_ami_br(folder)
        return regions, f"{folder.name}: AMi-Br, training part, {_count(regions)}", ami_br.ami_br_cases(folder)
    if (folder / midogpp.ANNOTATIONS).is_file():
        found = midogpp.read_midogpp(folder, spacing_um)
        dropped = f"{found.off_tissue} annotations off the tissue dropped"
        notes = f"{found.left_out}, {dropped}, {found.over_border} boxes reach over the border"
        return found.regions, f"{folder.name}: MIDOG++ layout, {_count(found.regions)}; {notes}", found.cases
    if tupac16.is_one(folder):
        images = tupac16.read_tupac16(folder, spacing_um)
        notes = f"{images.missing_images} missing images left out, {images.outside} annotations off their image dropped"
        return images.regions, f"{folder.name}: TUPAC16 layout, {_count(images.regions)}; {notes}", images.cases
    if slide_runner.is_one(folder):
        slides = slide_runner.read_slide_runner(folder, spacing_um)
        notes = f"{slides.left_out}, {slides.outside} off their slide dropped"
        return slides.regions, f"{folder.name}: SlideRunner database, {_count(slides.regions)}; {notes}", slides.cases
    raise InputError(
        f"{folder} is no data set of a known layout.",
        f"Give a folder with {midogpp.ANNOTATIONS} and images/, with {ami_br.TABLE}, with {tupac16.FIGURES}/, or with "
        "a database of SlideRunner and its slides.",
    )


def _count(regions: list[Region]) -> str:
    figures, look_alikes = (sum(len(getattr(r, kind)) for r in regions) for kind in ("figures", "hard_negatives"))
    return f"{len(regions)} regions, {figures} mitotic figures, {look_alikes} hard negatives"

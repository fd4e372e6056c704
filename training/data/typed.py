"""Reading mitotic figures that are typed, normal or atypical, whatever folder they come in."""

from pathlib import Path

from algorithm.errors import InputError
from training.data import ami_br, class_folders, midog25
from training.data.cases import Case
from training.data.read import Data
from training.data.regions import Region, at_resolution


def read_typed(folders: list[Path], resolution_um_px: float, spacing_um: float | None = None) -> Data:
    """Regions at one resolution whose figures are all typed: patches with a figure in the middle, or whole regions.

    MIDOG21's figures are in AMi-Br and in MIDOG 2025's set alike: beside the latter the former's are left out.
    spacing_um: of images that do not say theirs (um/px). Raises InputError for a folder of no known layout.
    """
    beside_midogpp = any(_is_midog25(folder) for folder in folders)
    annotated, summary, cases = [], [], []
    for folder in folders:
        regions, layout = _read(folder, spacing_um, beside_midogpp)
        annotated.append([at_resolution(region, resolution_um_px) for region in regions])
        summary.append(f"{folder.name}: {layout}, {_count(regions)}")
        cases += [_case(folder, region) for region in regions]
    return Data(annotated, [], summary, cases)


def _read(folder: Path, spacing_um: float | None, beside_midogpp: bool) -> tuple[list[Region], str]:
    if _is_midog25(folder):
        found = midog25.read_midog25(folder, spacing_um)
        return found.regions, f"MIDOG 2025 atypical set ({found.missing} figures without an image left out)"
    if (folder / ami_br.TABLE).is_file():
        left_out = ", without MIDOG21" if beside_midogpp else ""
        return ami_br.read_ami_br_patches(folder, external=beside_midogpp), f"AMi-Br, training part{left_out}"
    if class_folders.is_one(folder):
        return class_folders.read_class_folders(folder, spacing_um), "folders of classes"
    raise InputError(
        f"{folder} holds no typed mitotic figures of a known layout.",
        f"Give a folder with {ami_br.TABLE}, with {midog25.TABLE}, or with folders {class_folders.NAMES}.",
    )


def _is_midog25(folder: Path) -> bool:
    return (folder / midog25.TABLE).is_file()


def _case(folder: Path, region: Region) -> Case:
    return Case(folder.name, region.name, region.slide, region.domain, region.scanner, len(region.figures), 0)


def _count(regions: list[Region]) -> str:
    figures = sum(len(region.figures) for region in regions)
    atypical = sum(int(region.atypical.sum()) for region in regions if region.atypical is not None)
    slides = len({region.slide for region in regions})
    return f"{slides} slides, {figures} mitotic figures, {atypical} of them atypical"

"""Figure-free tissue, told apart by what its folders hold: patches of SPIDER or NCT-CRC-HE-100K, or plain pictures."""

from pathlib import Path

from training.data import nct_crc, spider
from training.data.figure_free import read_figure_free
from training.data.patches import count_tissue
from training.data.regions import Region


def read_negatives(folder: Path, resolution_um_px: float) -> tuple[list[Region], str]:
    """The regions of a folder, and a line about them; plain pictures are taken as if they were at the resolution.

    Raises InputError as the readers do.
    """
    if spider.is_one(folder):
        found = spider.read_spider(folder)
        left_out = f"{found.others.total()} of tissue that proliferates and {found.missing} missing ones left out"
        line = f"{folder.name}: SPIDER, training part, {count_tissue(found.regions)}; {left_out}"
        return found.regions, line
    if nct_crc.is_one(folder):
        patches = nct_crc.read_nct_crc(folder)
        left_out = f"{nct_crc.tumour_patches(folder)} of carcinoma left out"
        line = f"{folder.name}: NCT-CRC-HE, {count_tissue(patches)}; {left_out}"
        return patches, line
    pictures = read_figure_free(folder, resolution_um_px)
    return pictures, f"{folder.name}: figure-free tissue, {len(pictures)} pictures"

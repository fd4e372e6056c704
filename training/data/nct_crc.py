"""NCT-CRC-HE-100K: a folder for each of nine classes of colorectal tissue, with patches of 224 px at 0.5 um/px.

Source: Kather et al., "100,000 histological images of human colorectal cancer and healthy tissue", Zenodo 2018. The
files are CLASS/CLASS-XXXXXXXX.tif, and do not say of which patient they are. CRC-VAL-HE-7K has the same layout.
"""

from pathlib import Path

from algorithm.errors import InputError
from training.data.patches import patch_region
from training.data.regions import Region

TUMOUR = "TUM"
CLASSES = ("ADI", "BACK", "DEB", "LYM", "MUC", "MUS", "NORM", "STR", TUMOUR)
"""Adipose, background, debris, lymphocytes, mucus, smooth muscle, normal mucosa, stroma, carcinoma."""
RECOGNISED = 2
"""So many folders of these names are no accident; a part of the data set is read too."""


def is_one(folder: Path) -> bool:
    """Whether a folder has folders of the classes."""
    return sum((folder / name).is_dir() for name in CLASSES) >= RECOGNISED


def read_nct_crc(folder: Path, tumour: bool = False) -> list[Region]:
    """One region a patch, its `tissue` the folder's name; carcinoma, which has figures, only where it is asked for.

    Raises InputError for a folder of another name and where there are no patches.
    """
    for inner in sorted(path.name for path in folder.iterdir() if path.is_dir()):
        if inner not in CLASSES and not inner.startswith("."):
            raise InputError(f"{folder} has the unknown class {inner!r}.", f"Known are {', '.join(CLASSES)}.")
    wanted = [name for name in CLASSES if name != TUMOUR or tumour]
    regions = [
        patch_region(path, path.stem, tissue) for tissue in wanted for path in sorted((folder / tissue).glob("*.tif"))
    ]
    if not regions:
        raise InputError(f"{folder} holds no patches of figure-free tissue.", "Give the published folder.")
    return regions


def tumour_patches(folder: Path) -> int:
    """How many patches of carcinoma are left out where they are not asked for."""
    return sum(1 for _ in (folder / TUMOUR).glob("*.tif"))

"""SPIDER: patches of 224 px at 20x with a class each, and the patches about them, for which no class is known.

Source: Nechaev et al., "SPIDER: A Comprehensive Multi-Organ Supervised Pathology Dataset and Baseline Models", 2025. An
organ's folder has metadata.json, a list of slide_id, image_name, context_info (ROW_COLUMN of a 5 x 5 grid to a file),
class and split, and all files in images/.
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algorithm.errors import InputError
from training.data.patches import patch_region
from training.data.regions import Region

TABLE, IMAGES = "metadata.json", "images"
FIGURE_FREE = {
    "skin": (
        *("Apocrine glands", "Collagen", "Fat", "Inflammation", "Keratin", "Muscle", "Necrosis", "Nerves"),
        *("Sebaceous gland", "Solar elastosis", "Vessels"),
    ),
    "colorectal": ("Fat", "Inflammation", "Mucus", "Muscle", "Necrosis", "Stroma healthy", "Vessels"),
    "thorax": (
        *("Alveoli", "Bronchial cartilage", "Bronchial glands", "Chronic inflammation + fibrosis", "Detritus"),
        *("Fibrosis", "Hemorrhage", "Pigment", "Pleura", "Vessel"),
    ),
    "breast": (
        *("Fat", "Fibrocystic changes", "Fibrosis", "Lipogranuloma", "Necrosis", "Normal ducts", "Normal lobules"),
        "Vessels",
    ),
}
PROLIFERATING = {
    "skin": (
        *("Actinic keratosis", "Basal cell carcinoma", "Carcinoma in situ", "Epidermis", "Follicle"),
        *("Invasive melanoma", "Kaposi's sarcoma", "Melanoma in situ", "Mercel cell carcinoma", "Nevus"),
        *("Seborrheic keratosis", "Squamous cell carcinoma", "Wart"),
    ),
    "colorectal": (
        *("Adenocarcinoma high grade", "Adenocarcinoma low grade", "Adenoma high grade", "Adenoma low grade"),
        *("Hyperplastic polyp", "Sessile serrated lesion"),
    ),
    "thorax": ("Lymph node", "Tumor non-small cell", "Tumor small cell", "Tumor soft"),
    "breast": (
        *("Adenosis", "Benign phyllodes tumor", "Ductal carcinoma in situ (high-grade)"),
        *("Ductal carcinoma in situ (low-grade)", "Fibroadenoma", "Invasive non-special type carcinoma"),
        *("Lobular invasive carcinoma", "Malignant phyllodes tumor", "Sclerosing adenosis"),
        "Typical ductal hyperplasia",
    ),
}
"""Tumours, their precursors, and normal tissue that renews itself: they have figures, which nobody annotated."""


@dataclass(frozen=True)
class Spider:
    """regions: one a patch of the training part. others: its patches of each class that is not figure-free.

    missing: of how many patches the file is not there.
    """

    regions: list[Region]
    others: Counter[str]
    missing: int


def is_one(folder: Path) -> bool:
    """Whether a folder is that of an organ."""
    return (folder / TABLE).is_file() and (folder / IMAGES).is_dir()


def read_spider(folder: Path) -> Spider:
    """The figure-free patches of the training part, each region's `tissue` its class: the central ones alone.

    Raises InputError for a table that is not the published one, for an unknown class, and where there are no patches.
    """
    free, others = _by_name(FIGURE_FREE), _by_name(PROLIFERATING)
    regions, left_out, missing = [], Counter[str](), 0
    for record in _records(folder / TABLE):
        name = _plain(record["class"])
        path = folder / IMAGES / record["image_name"]
        if name not in free and name not in others:
            listed = ", ".join(sorted({*free.values(), *others.values()}))
            raise InputError(f"{folder / TABLE} has the unknown class {record['class']!r}.", f"Known are {listed}.")
        if record["split"] != "train":
            continue
        if name in others:
            left_out[others[name]] += 1
        elif path.is_file():
            regions.append(patch_region(path, record["slide_id"], free[name]))
        else:
            missing += 1
    if not regions:
        raise InputError(f"{folder} holds no patches of figure-free tissue.", "Unpack the published archives there.")
    return Spider(regions, left_out, missing)


def _records(path: Path) -> list[dict[str, Any]]:
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
        for record in records:
            if not all(isinstance(record[key], str) for key in ("slide_id", "image_name", "class", "split")):
                raise ValueError("a record's entries are no text")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no table of SPIDER: {error}.", "Take the published file.") from error
    return list(records)


def _by_name(classes: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {_plain(name): name for names in classes.values() for name in names}


def _plain(name: str) -> str:
    """The paper and the files differ in capitals and in the kind of apostrophe."""
    return name.lower().replace("\u2019", "'")

"""AMi-Br's patches: mitotic figures of breast tissue, 128 x 128 px at 0.25 um/px.

Source: Bertram et al., "Histologic dataset of normal and atypical mitotic figures on human breast cancer (AMi-Br)",
BVM 2025; the split is that of the AMi-Br benchmark (arXiv 2506.21444).
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from algorithm.errors import InputError
from algorithm.images import open_image
from training.data.cases import Case
from training.data.regions import Region, in_memory

TABLE, TRAINING_SPLIT = "AMI-BR.csv", "amibr_train_split.csv"
COLUMNS = ("slide", "dataset", "uid", "x", "y", "majority_atypical")
EXPERTS = ("expert1_atypical", "expert2_atypical", "expert3_atypical")
PATCH_PX, SPACING_UM = 128, 0.25
CELL_PX = 96
TUPAC16 = "TUPAC16"
SCANNERS = {"Hamamatsu XR": range(1, 51), "Hamamatsu S360": range(51, 101), "Aperio CS2": range(101, 151)}


Part = Literal["train", "test"]


def read_ami_br(folder: Path, split: Part = "train", seed: int = 0) -> list[Region]:
    """One region per slide: its patches edge to edge, each cut to 96 x 96 px at a random place.

    A network that sees whole patches learns that figures sit in the middle; cut like this they do not. Figures that
    reach over a cell's border are annotated if their centre is inside. Raises InputError for a folder that is not
    AMi-Br.
    """
    rows = _rows(folder, split)
    return [
        _quilt(folder, slide, part, np.random.default_rng([seed, number]))
        for number, (slide, part) in enumerate(rows.groupby("slide"))
    ]


def read_ami_br_patches(folder: Path, split: Part = "train", external: bool = False) -> list[Region]:
    """One region a patch, 128 x 128 px: the typed figure in its middle. Raises InputError as `read_ami_br` does.

    external: without the figures of MIDOG21, which are MIDOG++'s too: nothing that trained on MIDOG++ may be measured
    on them.
    """
    rows = _rows(folder, split)
    kept = rows[rows.dataset == TUPAC16] if external else rows
    return [_patch(folder, row) for row in kept.itertuples()]


def ami_br_cases(folder: Path, split: Part = "train") -> list[Case]:
    """The same slides from the tables alone. Raises InputError as `read_ami_br` does."""
    return [
        Case(folder.name, _name(slide), Path(slide).stem, domain, _scanner(domain), len(part), 0)
        for slide, part in _rows(folder, split).groupby("slide")
        for domain in [domain_of(part.dataset.iloc[0], slide)]
    ]


def patch_path(folder: Path, dataset: str, uid: int, atypical: bool) -> Path:
    """Where a patch lies."""
    return folder / ("Atypical" if atypical else "Normal") / f"{dataset}_{uid}.png"


def domain_of(dataset: str, slide: str) -> str:
    """The scanner of a MIDOG21 slide; TUPAC16 is one domain of several scanners."""
    if dataset == TUPAC16:
        return dataset
    return next(scanner for scanner, numbers in SCANNERS.items() if int(Path(slide).stem) in numbers)


def _rows(folder: Path, split: Part) -> pd.DataFrame:
    try:
        rows = pd.read_csv(folder / TABLE, usecols=[*COLUMNS, *EXPERTS])
        training = pd.read_csv(folder / TRAINING_SPLIT, usecols=["slide"])
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} is not AMi-Br: {error}.", f"Give the folder with {TABLE}.") from error
    return rows[rows.slide.isin(set(training.slide)) == (split == "train")]


def _name(slide: str) -> str:
    return f"AMi-Br {slide}"


def _scanner(domain: str) -> str:
    return "" if domain == TUPAC16 else domain


def _patch(folder: Path, row: Any) -> Region:
    path = patch_path(folder, row.dataset, row.uid, row.majority_atypical)
    with open_image(path, SPACING_UM) as patch:
        pixels = patch.read(0, 0, patch.width, patch.height)
    domain = domain_of(row.dataset, row.slide)
    middle = np.array([[PATCH_PX / 2, PATCH_PX / 2]])
    region = in_memory(path.stem, Path(row.slide).stem, domain, pixels, SPACING_UM, middle)
    votes = np.array([np.mean([getattr(row, expert) for expert in EXPERTS])])
    atypical = np.array([row.majority_atypical])
    return replace(region, scanner=_scanner(domain), whole=False, atypical=atypical, votes=votes)


def _quilt(folder: Path, slide: str, rows: pd.DataFrame, rng: np.random.Generator) -> Region:
    columns = int(np.ceil(np.sqrt(len(rows))))
    lines = -(-len(rows) // columns)
    canvas = np.full((lines * CELL_PX, columns * CELL_PX, 3), 255, np.uint8)
    centres = rows[["x", "y"]].to_numpy(float)
    figures = []
    for number, row in enumerate(rows.itertuples()):
        cut = rng.integers(0, PATCH_PX - CELL_PX + 1, size=2)
        corner = np.array([number % columns, number // columns]) * CELL_PX
        cell = np.s_[corner[1] : corner[1] + CELL_PX, corner[0] : corner[0] + CELL_PX]
        with open_image(patch_path(folder, row.dataset, row.uid, row.majority_atypical), SPACING_UM) as patch:
            canvas[cell] = patch.read(int(cut[0]), int(cut[1]), CELL_PX, CELL_PX)
        inside = centres - (row.x - PATCH_PX / 2, row.y - PATCH_PX / 2) - cut
        figures.append(inside[((inside >= 0) & (inside < CELL_PX)).all(axis=1)] + corner)
    domain = domain_of(rows.dataset.iloc[0], slide)
    region = in_memory(_name(slide), Path(slide).stem, domain, canvas, SPACING_UM, np.concatenate(figures))
    return replace(region, scanner=_scanner(domain), whole=False)

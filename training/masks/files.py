"""The file of a data set's masks: NumPy's npz, every figure's pixels packed to bits, and where each lies."""

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithm.errors import InputError
from training.data.regions import Points
from training.masks.figure import WAYS, FigureMask

SCHEMA = 2


@dataclass(frozen=True, eq=False)
class RegionMasks:
    """The masks of one region. width, height: in px of spacing_um; figures: (N, 2) x, y of the centres, px."""

    name: str
    width: int
    height: int
    spacing_um: float
    figures: Points
    masks: list[FigureMask]


@dataclass(frozen=True, eq=False)
class DataSetMasks:
    """The masks of a data set, by the name of its folder, and the settings that made them."""

    data_set: str
    regions: list[RegionMasks]
    settings: dict[str, float]

    @property
    def masks(self) -> list[FigureMask]:
        """Those of all regions."""
        return [mask for region in self.regions for mask in region.masks]


def write_masks(path: Path, content: DataSetMasks) -> None:
    """Write the file; the same masks give the same bytes."""
    regions, masks = content.regions, content.masks
    numbers = [[r.width, r.height, len(r.masks)] for r in regions]
    arrays: dict[str, Any] = {
        "schema": np.array(SCHEMA),
        "data_set": np.array(content.data_set),
        "settings": np.array(json.dumps(content.settings)),
        "regions": np.array([region.name for region in regions], dtype=np.str_),
        "region_width_height_figures": np.array(numbers, np.int32).reshape(-1, 3),
        "spacing_um": np.array([region.spacing_um for region in regions], np.float64),
        "centres": np.concatenate([np.empty((0, 2)), *(region.figures for region in regions)]),
        "x_y": np.array([[mask.x, mask.y] for mask in masks], np.int32).reshape(-1, 2),
        "height_width": np.array([mask.mask.shape for mask in masks], np.int32).reshape(-1, 2),
        "way": np.array([WAYS.index(mask.way) for mask in masks], np.uint8),
        "bits": np.concatenate([np.empty(0, np.uint8), *(np.packbits(mask.mask) for mask in masks)]),
    }
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read_masks(path: Path) -> DataSetMasks:
    """Raises InputError for a file that cannot be read or is none of `make-masks`."""
    fix = "Make the masks again: python -m training make-masks."
    try:
        with zipfile.ZipFile(path):  # else NumPy takes it for another kind of file
            pass
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        if int(arrays["schema"]) != SCHEMA:
            raise ValueError(f"its schema is {arrays['schema']}, not {SCHEMA}")
        return DataSetMasks(str(arrays["data_set"]), _regions(arrays), json.loads(str(arrays["settings"])))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", fix) from error
    except KeyError as error:
        raise InputError(f"{path} holds no masks: it has no {error.args[0]}.", fix) from error
    except (ValueError, IndexError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} holds no masks: {error}.", fix) from error


def _regions(arrays: dict[str, NDArray[Any]]) -> list[RegionMasks]:
    masks, sizes = _masks(arrays), arrays["region_width_height_figures"]
    ends = np.cumsum(sizes[:, 2])
    if not len(masks) == len(arrays["centres"]) == (ends[-1] if len(ends) else 0):
        raise ValueError("its parts do not agree on how many figures there are")
    return [
        RegionMasks(
            name=str(name),
            width=int(width),
            height=int(height),
            spacing_um=float(spacing_um),
            figures=arrays["centres"][end - count : end],
            masks=masks[end - count : end],
        )
        for name, (width, height, count), spacing_um, end in zip(
            arrays["regions"], sizes, arrays["spacing_um"], ends, strict=True
        )
    ]


def _masks(arrays: dict[str, NDArray[Any]]) -> list[FigureMask]:
    masks, start = [], 0
    for (x, y), (height, width), way in zip(arrays["x_y"], arrays["height_width"], arrays["way"], strict=True):
        end = start - int(-height * width // 8)
        pixels = np.unpackbits(arrays["bits"][start:end], count=int(height * width)).reshape(height, width)
        masks.append(FigureMask(int(x), int(y), pixels.astype(bool), WAYS[way]))
        start = end
    if start != len(arrays["bits"]):
        raise ValueError(f"its pixels take {start} bytes, and {len(arrays['bits'])} are there")
    return masks

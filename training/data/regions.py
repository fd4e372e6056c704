"""The one type that every reader of a data set makes: a region of tissue with its annotations."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algorithm.images import Image
from algorithm.images.resampled import ResampledImage
from algorithm.images.spacing import Spacing
from algorithm.patches import mirrored

Points = NDArray[np.float64]
Pixels = NDArray[np.uint8]
KEPT_PIXELS = 2_000_000


@dataclass(frozen=True, eq=False)
class Region:
    """A region of tissue and what is known of it.

    name: unique within its data set. slide: what folds are made by: no slide is in two folds. domain: tumour or
    scanner, for leave-one-domain-out. spacing_um: um/px. read: (x, y, width, height) in px to (height, width, 3)
    uint8 RGB.
    figures, hard_negatives: (N, 2) float64, x then y, px. Every mitotic figure of the region is annotated.
    scanner: empty where unknown. whole: one piece of tissue to be searched, not a sheet of patches edge to edge nor a
    whole slide. tissue: what a figure-free region shows, by its data set's class; empty where none is known.
    mask: (x, y, width, height) in px to (height, width) uint8, 1 on figures; None: nothing but their centres is known.
    atypical: (N,) bool, which of the figures are; None: they are not typed. votes: (N,) float64, the share of experts
    who call each of them atypical; None: their votes are not known. published: the region as it was read, where this
    is that at another resolution.
    """

    name: str
    slide: str
    domain: str
    width: int
    height: int
    spacing_um: float
    read: Callable[[int, int, int, int], Pixels]
    figures: Points
    hard_negatives: Points
    scanner: str = ""
    whole: bool = True
    mask: Callable[[int, int, int, int], NDArray[np.uint8]] | None = None
    atypical: NDArray[np.bool_] | None = None
    votes: NDArray[np.float64] | None = None
    tissue: str = ""
    published: "Region | None" = None


def in_memory(name: str, slide: str, domain: str, pixels: Pixels, spacing_um: float, figures: Points) -> Region:
    """A region whose pixels are at hand, without annotated hard negatives."""

    height, width = pixels.shape[:2]
    return Region(name, slide, domain, width, height, spacing_um, _window_of(pixels), figures, np.empty((0, 2)))


def _window_of(pixels: Pixels) -> Callable[[int, int, int, int], Pixels]:
    return lambda x, y, width, height: pixels[y : y + height, x : x + width]


class RegionImage(Image):
    """A region as the algorithm takes images, so that training validates with the algorithm's own detector."""

    def __init__(self, region: Region) -> None:
        spacing = Spacing(region.spacing_um, region.spacing_um, "option")
        super().__init__(Path(region.name), region.width, region.height, spacing)
        self._region = region

    def _read(self, x: int, y: int, width: int, height: int) -> Pixels:
        return self._region.read(x, y, width, height)

    def close(self) -> None:
        """The region's file is opened for each window."""


def at_resolution(region: Region, resolution_um_px: float, keep: bool = True) -> Region:
    """The region and its annotations at another resolution; its own where the two agree within 1 %.

    A small region is kept in memory, since it is read again and again, unless there are too many of them to `keep`.
    """
    view = ResampledImage(RegionImage(region), resolution_um_px)
    small = keep and view.width * view.height <= KEPT_PIXELS
    return replace(
        region,
        width=view.width,
        height=view.height,
        spacing_um=region.spacing_um if view.scale_x == 1 else resolution_um_px,
        read=_window_of(view.read(0, 0, view.width, view.height)) if small else view.read,
        figures=view.from_level0(region.figures),
        hard_negatives=view.from_level0(region.hard_negatives),
        published=region.published or region,
    )


def read_padded(region: Region, x: int, y: int, width: int, height: int) -> Pixels:
    """A window that may leave the region; outside, the region is reflected at its border."""
    columns = reflected(x, width, region.width)
    rows = reflected(y, height, region.height)
    left, top = columns.min(), rows.min()
    window = region.read(int(left), int(top), int(columns.max() - left) + 1, int(rows.max() - top) + 1)
    return window[np.ix_(rows - top, columns - left)]


def reflected(start: int, length: int, size: int) -> NDArray[np.int64]:
    """The indices start .. start + length, folded back into 0 .. size at its borders."""
    return mirrored(np.arange(start, start + length), size)

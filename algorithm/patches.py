"""Patches: squares about the centres of figures, as a classifier takes them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from algorithm.classification_manifest import ClassificationInput
from algorithm.images.base import Image, Pixels
from algorithm.images.resampled import ResampledImage
from algorithm.images.spacing import SpacingSource
from algorithm.images.stack import Stack
from algorithm.manifest import PatchSize
from algorithm.tiles import View

Place = TypeVar("Place", np.intp, np.float64)


def cut_patch(view: View, x: float, y: float, patch_px: int) -> Pixels:
    """The square (patch_px, patch_px, 3) about (x, y), px of the view, pixel centres at whole numbers.

    It begins at the whole pixel nearest to half its side before the point. Beyond the view's border the view is
    mirrored, without repeating the border's own pixels, as often as it takes. Raises InputError for damage.
    """
    return read_mirrored(view, first_px(x, patch_px), first_px(y, patch_px), patch_px, patch_px)


def read_mirrored(view: View, x: int, y: int, width: int, height: int) -> Pixels:
    """A window (height, width, 3) at (x, y), px of the view, which may leave it and is mirrored there as above."""
    columns = mirrored(np.arange(x, x + width), view.width)
    rows = mirrored(np.arange(y, y + height), view.height)
    left, top = int(columns.min()), int(rows.min())
    window = view.read(left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1)
    return window[np.ix_(rows - top, columns - left)]


def first_px(centre: float, side: int) -> int:
    """Where a square of `side` px about a place begins: the whole pixel nearest to half its side before it."""
    return int(np.floor(centre - (side - 1) / 2 + 0.5))


def mirrored(places: NDArray[Place], length: int | NDArray[np.int64]) -> NDArray[Place]:
    """Where along a side of `length` px the places are found that lie on it or beyond its ends."""
    period = np.maximum(2 * (length - 1), 1)
    within = places % period
    return np.minimum(within, period - within)


def middle_patch(view: ResampledImage, patch_px: int) -> Pixels:
    """The square (patch_px, patch_px, 3) about the middle of the view."""
    return cut_patch(view, (view.width - 1) / 2, (view.height - 1) / 2, patch_px)


@dataclass(frozen=True)
class Page:
    """What a page of a stack was: its file's name, size in px and spacing in um/px.

    mirrored: it is smaller than the patch that was cut from it.
    """

    file: str
    width: int
    height: int
    spacing_um: tuple[float, float]
    spacing_source: SpacingSource
    mirrored: bool


def stack_patches(stack: Stack, settings: ClassificationInput) -> Iterator[tuple[Page, Pixels]]:
    """Every page and its middle at the classifier's resolution, page by page. Raises InputError for damage."""
    for image in stack.pages():
        with image:
            view = ResampledImage(image, settings.resolution_um_px)
            mirrored = min(view.width, view.height) < settings.patch_px
            spacing_um, source = image.spacing_um, image.spacing_source
            page = Page(image.path.name, image.width, image.height, spacing_um, source, mirrored)
            yield page, middle_patch(view, settings.patch_px)


def figure_patches(image: Image, points: NDArray[np.float64], settings: PatchSize) -> Iterator[Pixels]:
    """The square about every point (N, 2), x then y, px at level 0, at the resolution of the settings."""
    view = ResampledImage(image, settings.resolution_um_px)
    for x, y in view.from_level0(points).tolist():
        yield cut_patch(view, x, y, settings.patch_px)


def in_batches(patches: Iterable[Pixels], size: int) -> Iterator[NDArray[np.uint8]]:
    """(B, P, P, 3) of at most `size` patches."""
    coming = iter(patches)
    while batch := list(islice(coming, size)):
        yield np.stack(batch)

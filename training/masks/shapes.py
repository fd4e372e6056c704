"""From pixels that may be a figure to the figure's mask: specks and holes, the part at the click, a disk instead."""

import numpy as np
from scipy import ndimage

from training.data.masks import disk_mask
from training.data.regions import Points, Region
from training.mask_settings import MaskSettings
from training.masks.clicks import click_in
from training.masks.figure import FigureMask, Mask, Way


def settled(
    region: Region, point: Points, mask: Mask, corner: tuple[int, int], way: Way, settings: MaskSettings
) -> FigureMask:
    """The figure's mask at `point` (2,) out of a window's (height, width) whose corner x, y is given, px of the region.

    A disk about the point where that leaves nothing, too little or too much: then the mask's `way` says so. The point
    may miss what is segmented by `reach_um`, but not what NuClick segments, which was shown the point.
    """
    column, row = click_in(region, point) - corner
    cleaned = without_specks_and_holes(mask, region.spacing_um, settings)
    reach_um = 0.0 if way == "nuclick" else settings.reach_um
    figure = parts_at(cleaned, int(row), int(column), reach_um / region.spacing_um)
    if settings.smallest_mask_um2 <= figure.sum() * region.spacing_um**2 <= settings.largest_mask_um2:
        return FigureMask(*corner, figure, way).trimmed()
    return disk(region, point, settings.disk_radius_um)


def without_specks_and_holes(mask: Mask, um_px: float, settings: MaskSettings) -> Mask:
    """Parts below `smallest_part_um2` removed, then holes below `smallest_hole_um2` filled, as NuClick's code does.

    Pixels hang together by their sides; a gap at the border counts as a hole.
    """
    kept = mask & ~_smaller(mask, settings.smallest_part_um2 / um_px**2)
    return kept | _smaller(~kept, settings.smallest_hole_um2 / um_px**2)


def parts_at(mask: Mask, row: int, column: int, reach_px: float = 0.0) -> Mask:
    """What hangs together, by sides, with the pixel or any within reach of it; nothing where none of them is set.

    That is the morphological reconstruction of the mask from the click.
    """
    rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
    touched = mask & ((rows - row) ** 2 + (columns - column) ** 2 <= reach_px**2)
    return np.asarray(ndimage.binary_propagation(touched, mask=mask))


def disk(region: Region, point: Points, radius_um: float) -> FigureMask:
    """The disk about a point, as far as it lies in the region; the pixel of the point is always of it."""
    radius_px = radius_um / region.spacing_um
    reach = int(np.ceil(radius_px))
    click = click_in(region, point)
    left, top = np.maximum(click - reach, 0)
    right, bottom = np.minimum(click + reach + 1, (region.width, region.height))
    mask = disk_mask(point[None], int(left), int(top), int(right - left), int(bottom - top), radius_px).astype(bool)
    mask[click[1] - top, click[0] - left] = True
    return FigureMask(int(left), int(top), mask, "disk").trimmed()


def _smaller(mask: Mask, area_px: float) -> Mask:
    """The parts of a mask with fewer pixels than area_px."""
    parts, _ = ndimage.label(mask)
    areas = np.bincount(parts.ravel())
    return np.asarray(mask & (areas < area_px)[parts])

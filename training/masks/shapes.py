"""From pixels that may be a figure to the figure's mask: specks and holes, the part at the click, a disk instead."""

import numpy as np
from scipy import ndimage

from training.data.masks import disk_mask
from training.data.regions import Points, Region
from training.masks.clicks import click_in
from training.masks.figure import FigureMask, Mask, Way

# In px at 0.25 um/px: 10, 30, 30, 2,500 and 12.
SPECK_UM2 = 0.625
HOLE_UM2 = 1.875
LEAST_UM2 = 1.875
MOST_UM2 = 156.25
DISK_RADIUS_UM = 3.0


def settled(
    region: Region, point: Points, mask: Mask, corner: tuple[int, int], way: Way, reach_um: float = 0.0
) -> FigureMask:
    """The figure's mask at `point` (2,) out of a window's (height, width) whose corner x, y is given, px of the region.

    A disk of 3 um about the point where that leaves nothing, too little (below 1.875 um2) or too much (above 156.25
    um2): then the mask's `way` says so. reach_um: by how much the point may miss what is segmented.
    """
    column, row = click_in(region, point) - corner
    cleaned = without_specks_and_holes(mask, region.spacing_um)
    figure = parts_at(cleaned, int(row), int(column), reach_um / region.spacing_um)
    if LEAST_UM2 <= figure.sum() * region.spacing_um**2 <= MOST_UM2:
        return FigureMask(*corner, figure, way).trimmed()
    return disk(region, point)


def without_specks_and_holes(mask: Mask, um_px: float) -> Mask:
    """Parts below 0.625 um2 removed, then holes below 1.875 um2 filled, as NuClick's code does at 0.25 um/px.

    Pixels hang together by their sides; a gap at the border counts as a hole.
    """
    kept = mask & ~_smaller(mask, SPECK_UM2 / um_px**2)
    return kept | _smaller(~kept, HOLE_UM2 / um_px**2)


def parts_at(mask: Mask, row: int, column: int, reach_px: float = 0.0) -> Mask:
    """What hangs together, by sides, with the pixel or any within reach of it; nothing where none of them is set.

    That is the morphological reconstruction of the mask from the click.
    """
    rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
    touched = mask & ((rows - row) ** 2 + (columns - column) ** 2 <= reach_px**2)
    return np.asarray(ndimage.binary_propagation(touched, mask=mask))


def disk(region: Region, point: Points) -> FigureMask:
    """The disk of 3 um about a point, as far as it lies in the region; the pixel of the point is always of it."""
    radius_px = DISK_RADIUS_UM / region.spacing_um
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

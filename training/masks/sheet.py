"""contact-sheet.png: figures with the outlines of their masks, to be looked at before they are trained with."""

from collections.abc import Sequence

from PIL import Image as Pictures
from scipy import ndimage

from training.data.masks import padded
from training.data.regions import Region, read_padded
from training.masks.clicks import click_in
from training.masks.figure import FigureMask, Way, paint
from training.pictures.sheet import Cell, Colour, sheet_of, shown_of

SIDE_UM, ENLARGED = 16.0, 2
COLOURS: dict[Way, Colour] = {"nuclick": (0, 210, 90), "threshold": (0, 210, 90), "disk": (255, 140, 0)}


def contact_sheet(regions: Sequence[tuple[Region, Sequence[FigureMask]]]) -> Pictures.Image:
    """At most 100 figures, evenly spaced over all, in windows of 16 um; outlines and frames of disks are orange."""
    every = [(region, number, masks) for region, masks in regions for number in range(len(masks))]
    shown = shown_of(len(every))
    legend = "green: outline of the mask, orange: a disk instead"
    caption = f"{len(shown)} of {len(every)} figures, {SIDE_UM:g} um wide; {legend}"
    return sheet_of([_cell(*every[number]) for number in shown], caption)


def _cell(region: Region, number: int, masks: Sequence[FigureMask]) -> Cell:
    """One figure in its window, enlarged; its mask's outline, and pale those of others."""
    side = round(SIDE_UM / region.spacing_um)
    x, y = (int(corner) for corner in click_in(region, region.figures[number]) - side // 2)
    pixels = read_padded(region, x, y, side, side).repeat(ENLARGED, 0).repeat(ENLARGED, 1)
    others = [mask for other, mask in enumerate(masks) if other != number]
    for figures, colour in ((others, (255, 255, 255)), ([masks[number]], COLOURS[masks[number].way])):
        whole = padded(lambda *window, of=figures: paint(of, *window), (region.width, region.height), x, y, side, side)
        large = whole.astype(bool).repeat(ENLARGED, 0).repeat(ENLARGED, 1)
        pixels[large & ~ndimage.binary_erosion(large, border_value=1)] = colour
    return Cell(pixels, COLOURS["disk"] if masks[number].way == "disk" else None)

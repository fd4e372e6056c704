"""contact-sheet.png: figures with the outlines of their masks, to be looked at before they are trained with."""

from collections.abc import Sequence

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont
from scipy import ndimage

from training.data.masks import padded
from training.data.regions import Pixels, Region, read_padded
from training.masks.clicks import click_in
from training.masks.figure import FigureMask, Way, paint

FIGURES, ACROSS = 100, 10
SIDE_UM, ENLARGED = 16.0, 2
GAP_PX, CAPTION_PX = 6, 28
COLOURS: dict[Way, tuple[int, int, int]] = {"nuclick": (0, 210, 90), "threshold": (0, 210, 90), "disk": (255, 140, 0)}
Shown = tuple[Region, int, Sequence[FigureMask]]
"""A region, the number of one of its figures, and the region's masks."""


def contact_sheet(regions: Sequence[tuple[Region, Sequence[FigureMask]]]) -> Pictures.Image:
    """At most 100 figures, evenly spaced over all, in windows of 16 um; outlines and frames of disks are orange."""
    every = [(region, number, masks) for region, masks in regions for number in range(len(masks))]
    chosen = np.unique(np.linspace(0, len(every) - 1, min(FIGURES, len(every))).round().astype(int))
    cells = [_cell(*every[number]) for number in chosen]
    step = max(max(cell.shape[:2]) for cell in cells) + GAP_PX
    rows = -(-len(cells) // ACROSS)
    sheet = Pictures.new("RGB", (ACROSS * step + GAP_PX, rows * step + GAP_PX + CAPTION_PX), "white")
    for place, (cell, number) in enumerate(zip(cells, chosen, strict=True)):
        row, column = divmod(place, ACROSS)
        corner = (GAP_PX + column * step, GAP_PX + row * step)
        _, figure, masks = every[number]
        if masks[figure].way == "disk":
            frame = [corner[0] - 3, corner[1] - 3, corner[0] + cell.shape[1] + 2, corner[1] + cell.shape[0] + 2]
            ImageDraw.Draw(sheet).rectangle(frame, fill=COLOURS["disk"])
        sheet.paste(Pictures.fromarray(cell), corner)
    _caption(sheet, len(chosen), len(every))
    return sheet


def _cell(region: Region, number: int, masks: Sequence[FigureMask]) -> Pixels:
    """One figure in its window, enlarged; its mask's outline, and pale those of others."""
    side = round(SIDE_UM / region.spacing_um)
    x, y = (int(corner) for corner in click_in(region, region.figures[number]) - side // 2)
    pixels = read_padded(region, x, y, side, side).repeat(ENLARGED, 0).repeat(ENLARGED, 1)
    others = [mask for other, mask in enumerate(masks) if other != number]
    for figures, colour in ((others, (255, 255, 255)), ([masks[number]], COLOURS[masks[number].way])):
        whole = padded(lambda *window, of=figures: paint(of, *window), (region.width, region.height), x, y, side, side)
        large = whole.astype(bool).repeat(ENLARGED, 0).repeat(ENLARGED, 1)
        pixels[large & ~ndimage.binary_erosion(large, border_value=1)] = colour
    return pixels


def _caption(sheet: Pictures.Image, shown: int, of: int) -> None:
    text = f"{shown} of {of} figures, {SIDE_UM:g} um wide; green: outline of the mask, orange: a disk instead"
    place = (GAP_PX, sheet.height - CAPTION_PX // 2)
    ImageDraw.Draw(sheet).text(place, text, fill="black", font=ImageFont.load_default(size=15), anchor="lm")

"""Contact sheets: small pictures side by side, to be looked at before they are trained with."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from training.data.regions import Pixels

MOST, ACROSS = 100, 10
GAP_PX, CAPTION_PX = 6, 28
Colour = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Cell:
    """One picture, (height, width, 3). frame: the colour of one about it; label: written into its lower left corner."""

    pixels: Pixels
    frame: Colour | None = None
    label: str = ""


def shown_of(count: int, most: int = MOST) -> list[int]:
    """The numbers of those that a sheet shows: at most so many, evenly spaced over all."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int)).tolist()


def sheet_of(cells: Sequence[Cell], caption: str) -> Pictures.Image:
    """The cells row by row, ten in each, above a caption."""
    step = max(max(cell.pixels.shape[:2]) for cell in cells) + GAP_PX
    rows = -(-len(cells) // ACROSS)
    sheet = Pictures.new("RGB", (ACROSS * step + GAP_PX, rows * step + GAP_PX + CAPTION_PX), "white")
    for place, cell in enumerate(cells):
        row, column = divmod(place, ACROSS)
        _put(sheet, cell, GAP_PX + column * step, GAP_PX + row * step)
    write(sheet, caption, GAP_PX, sheet.height - CAPTION_PX // 2)
    return sheet


def write(picture: Pictures.Image, text: str, left: int, middle: int, colour: str | Colour = "black") -> None:
    """A line of text, which begins at `left` about the row `middle`."""
    ImageDraw.Draw(picture).text((left, middle), text, fill=colour, font=ImageFont.load_default(size=15), anchor="lm")


def _put(sheet: Pictures.Image, cell: Cell, x: int, y: int) -> None:
    height, width = cell.pixels.shape[:2]
    draw = ImageDraw.Draw(sheet)
    if cell.frame is not None:
        draw.rectangle([x - 3, y - 3, x + width + 2, y + height + 2], fill=cell.frame)
    sheet.paste(Pictures.fromarray(cell.pixels), (x, y))
    if cell.label:
        corner, font = (x + 3, y + height - 3), ImageFont.load_default(size=13)
        draw.text(corner, cell.label, "white", font, anchor="lb", stroke_width=2, stroke_fill="black")

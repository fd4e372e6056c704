"""Points of several groups in a plane, each group in its colour."""

import colorsys
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw

from training.pictures.sheet import Colour, write

SIDE_PX, MARGIN_PX, LEGEND_PX, LINE_PX = 800, 30, 240, 24
RADIUS_PX = 2
Points = NDArray[np.floating]


def scatter(points: Points, groups: NDArray[np.integer], names: Sequence[str]) -> Pictures.Image:
    """points (N, 2), to the right and up, each in the colour of its group (N,); the legend has all names and counts.

    Both axes have one scale. Points are drawn in their order.
    """
    return panels({"": points}, groups, names, group_colours(len(names)))


def panels(
    points: Mapping[str, Points], groups: NDArray[np.integer], names: Sequence[str], colours: Sequence[Colour]
) -> Pictures.Image:
    """As `scatter`, side by side under their titles, for several views of what is grouped; each has its own scale."""
    picture = Pictures.new("RGB", (len(points) * SIDE_PX + LEGEND_PX, SIDE_PX), "white")
    draw = ImageDraw.Draw(picture)
    for panel, (title, of_panel) in enumerate(points.items()):
        for (x, y), group in zip(_on_panel(of_panel, panel), groups, strict=True):
            draw.ellipse((x - RADIUS_PX, y - RADIUS_PX, x + RADIUS_PX, y + RADIUS_PX), fill=colours[int(group)])
        write(picture, title, panel * SIDE_PX + MARGIN_PX, MARGIN_PX // 2)
    for number, name in enumerate(names):
        text = f"{name}: {np.count_nonzero(groups == number)}"
        write(picture, text, len(points) * SIDE_PX, MARGIN_PX + number * LINE_PX, colours[number])
    return picture


def group_colours(count: int) -> list[Colour]:
    """As far apart in hue as can be, dark enough for white paper."""
    return [_colour(number / count, 0.9, 0.55 + 0.3 * (number % 2)) for number in range(count)]


def shades_of(hues: int, shades: int) -> list[Colour]:
    """As many shades of each of some colours, from pale to dark: of the first colour, then of the next."""
    shares = np.linspace(0, 1, shades) if shades > 1 else [0.5]
    return [
        _colour((0.6 + hue / hues) % 1, 0.5 + 0.5 * dark, 0.95 - 0.5 * dark) for hue in range(hues) for dark in shares
    ]


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def _on_panel(points: Points, panel: int) -> Points:
    """(N, 2) in px, to the right and down, with the same scale on both axes."""
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (SIDE_PX - 2 * MARGIN_PX) / max(float((high - low).max()), 1e-12)
    right, up = ((points - (low + high) / 2) * scale).T
    return np.stack([(panel + 0.5) * SIDE_PX + right, SIDE_PX / 2 - up], axis=1)

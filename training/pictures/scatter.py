"""Points of several groups in a plane, each group in its colour."""

import colorsys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw

from training.pictures.sheet import Colour, write

SIDE_PX, MARGIN_PX, LEGEND_PX, LINE_PX = 800, 30, 240, 24
RADIUS_PX = 2


def scatter(points: NDArray[np.floating], groups: NDArray[np.integer], names: Sequence[str]) -> Pictures.Image:
    """points (N, 2), to the right and up, each in the colour of its group (N,); the legend has all names and counts.

    Both axes have one scale. Points are drawn in their order.
    """
    picture = Pictures.new("RGB", (SIDE_PX + LEGEND_PX, SIDE_PX), "white")
    draw = ImageDraw.Draw(picture)
    colours = group_colours(len(names))
    for (x, y), group in zip(_on_picture(points), groups, strict=True):
        draw.ellipse((x - RADIUS_PX, y - RADIUS_PX, x + RADIUS_PX, y + RADIUS_PX), fill=colours[int(group)])
    for number, name in enumerate(names):
        text = f"{name}: {np.count_nonzero(groups == number)}"
        write(picture, text, SIDE_PX, MARGIN_PX + number * LINE_PX, colours[number])
    return picture


def group_colours(count: int) -> list[Colour]:
    """As far apart in hue as can be, dark enough for white paper."""
    shares = [colorsys.hsv_to_rgb(number / count, 0.9, 0.55 + 0.3 * (number % 2)) for number in range(count)]
    return [(round(255 * red), round(255 * green), round(255 * blue)) for red, green, blue in shares]


def _on_picture(points: NDArray[np.floating]) -> NDArray[np.floating]:
    """(N, 2) in px, to the right and down, with the same scale on both axes."""
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (SIDE_PX - 2 * MARGIN_PX) / max(float((high - low).max()), 1e-12)
    right, up = ((points - (low + high) / 2) * scale).T
    return np.stack([SIDE_PX / 2 + right, SIDE_PX / 2 - up], axis=1)

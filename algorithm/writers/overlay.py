"""overlay.png: the region, reduced to a bounded size, with the detections circled and a caption below."""

import math
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from algorithm.contract import MITOTIC_FIGURE, NON_MITOTIC_FIGURE, point_name
from algorithm.detections import Detections
from algorithm.images.base import Image
from algorithm.writers.appearance import ATYPICAL_COLOUR, COLOURS, OUTLINE_RADIUS_UM

MAX_SIDE_PX = 2048
STRIP_BYTES = 4_000_000
THREADS = 2  # strips reduced side by side
SMALLEST_RADIUS_PX = 12.0
CAPTION_PX = 32
NARROWEST_PX = 940
"""Width that the caption needs."""


def draw_overlay(image: Image, detections: Detections, threshold: float, tissue_mm2: float) -> Pictures.Image:
    """An RGB picture of at most MAX_SIDE_PX on a side plus the caption; the region is read strip by strip."""
    scale = _Scale.of(image)
    width, height = (math.ceil(side / px) for side, px in zip((image.width, image.height), scale.px, strict=True))
    canvas = Pictures.new("RGB", (max(width, NARROWEST_PX), height + CAPTION_PX), "white")
    _paste_region(canvas, image, scale)
    _draw_circles(canvas, scale, detections, threshold)
    _draw_caption(canvas, height, scale.um, detections, threshold, tissue_mm2)
    return canvas


class _Scale(NamedTuple):
    """How many px of the image, (x, y), make one of the picture; um: how long that is."""

    px: tuple[int, int]
    um: float

    @classmethod
    def of(cls, image: Image) -> "_Scale":
        coarsest = max(image.spacing_um)
        um = coarsest * math.ceil(max(image.width, image.height) / MAX_SIDE_PX)
        x_px, y_px = (round(um / own_um) for own_um in image.spacing_um)
        return cls((x_px, y_px), um)

    def places(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (N, 2) of the image in the picture; pixel centres are aligned."""
        return (points + 0.5) / self.px - 0.5


def _paste_region(canvas: Pictures.Image, image: Image, scale: _Scale) -> None:
    rows = scale.px[1] * max(1, STRIP_BYTES // (3 * image.width * scale.px[1]))
    tops = range(0, image.height, rows)

    def reduced(top: int) -> Pictures.Image:
        strip = image.read(0, top, image.width, min(rows, image.height - top))
        return Pictures.fromarray(strip).reduce(scale.px)

    with ThreadPoolExecutor(THREADS) as pool:
        for top, strip in zip(tops, pool.map(reduced, tops), strict=True):
            canvas.paste(strip, (0, top // scale.px[1]))


def _draw_circles(canvas: Pictures.Image, scale: _Scale, detections: Detections, threshold: float) -> None:
    """Circles, figures over candidates, atypical ones in their own colour; a dark rim shows them on any stain."""
    draw = ImageDraw.Draw(canvas)
    radius = max(OUTLINE_RADIUS_UM / scale.um, SMALLEST_RADIUS_PX)
    places = scale.places(detections.points)
    for index in np.argsort(detections.scores, kind="stable"):
        name = point_name(float(detections.scores[index]), threshold)
        width = 4 if name == MITOTIC_FIGURE else 2
        colour = ATYPICAL_COLOUR if _is_atypical(detections, index) else COLOURS[name]
        x, y = places[index].tolist()
        draw.circle((x, y), radius + 1, outline=(20, 20, 20))
        draw.circle((x, y), radius, outline=colour, width=width)


def _is_atypical(detections: Detections, index: int) -> bool:
    return detections.called_atypical is not None and bool(detections.called_atypical[index])


def _draw_caption(
    canvas: Pictures.Image,
    top: int,
    um_px: float,
    detections: Detections,
    threshold: float,
    tissue_mm2: float,
) -> None:
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(size=15)
    middle = top + CAPTION_PX // 2
    draw.rectangle((0, top, canvas.width, canvas.height), fill="white")
    figures = int(np.count_nonzero(detections.scores >= threshold))
    entries = [
        (COLOURS[MITOTIC_FIGURE], f"{MITOTIC_FIGURE}: {figures}"),
        (COLOURS[NON_MITOTIC_FIGURE], f"{NON_MITOTIC_FIGURE}, below {threshold:g}: {len(detections) - figures}"),
    ]
    if detections.called_atypical is not None:
        entries.insert(1, (ATYPICAL_COLOUR, f"of them atypical: {np.count_nonzero(detections.called_atypical)}"))
    left = 16
    for colour, text in entries:
        draw.circle((left, middle), 7, fill=colour, outline=(20, 20, 20))
        draw.text((left + 14, middle), text, fill="black", font=font, anchor="lm")
        left += 46 + round(draw.textlength(text, font=font))
    draw.text((left, middle), f"tissue: {tissue_mm2:.3g} mm2", fill="black", font=font, anchor="lm")
    _draw_scale_bar(draw, font, canvas.width - 16, middle, um_px)


def _draw_scale_bar(
    draw: ImageDraw.ImageDraw, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, right: int, middle: int, um_px: float
) -> None:
    """A bar of the longest round length that is at most 120 px long, its length in um beside it."""
    length_um = next(um for um in (5000, 2000, 1000, 500, 200, 100, 50, 20, 10, 1) if um / um_px <= 120)
    left = right - length_um / um_px
    draw.rectangle((left, middle - 2, right, middle + 2), fill="black")
    draw.text((left - 8, middle), f"{length_um} um", fill="black", font=font, anchor="rm")

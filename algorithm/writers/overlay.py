"""overlay.png: the region, reduced to a bounded size, with the detections circled and a caption below."""

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from algorithm.contract import MITOTIC_FIGURE, NON_MITOTIC_FIGURE, point_name
from algorithm.detections import Detections
from algorithm.images.base import Image
from algorithm.images.resampled import ResampledImage
from algorithm.writers.appearance import ATYPICAL_COLOUR, COLOURS, OUTLINE_RADIUS_UM

MAX_SIDE_PX = 2048
STRIP_BYTES = 32_000_000
SMALLEST_RADIUS_PX = 12.0
CAPTION_PX = 32
NARROWEST_PX = 940
"""Width that the caption needs."""


def draw_overlay(image: Image, detections: Detections, threshold: float, tissue_mm2: float) -> Pictures.Image:
    """An RGB picture of at most MAX_SIDE_PX on a side plus the caption; the region is read strip by strip."""
    reduction = max(1.0, max(image.width, image.height) / MAX_SIDE_PX)
    view = ResampledImage(image, max(image.spacing_um) * reduction)
    canvas = Pictures.new("RGB", (max(view.width, NARROWEST_PX), view.height + CAPTION_PX), "white")
    _paste_region(canvas, view, STRIP_BYTES // (3 * image.width))
    _draw_circles(canvas, view, detections, threshold)
    _draw_caption(canvas, view, detections, threshold, tissue_mm2)
    return canvas


def _paste_region(canvas: Pictures.Image, view: ResampledImage, rows_level0: int) -> None:
    rows = max(1, round(rows_level0 * view.height / view.image.height))
    for top in range(0, view.height, rows):
        strip = view.read(0, top, view.width, min(rows, view.height - top))
        canvas.paste(Pictures.fromarray(strip), (0, top))


def _draw_circles(canvas: Pictures.Image, view: ResampledImage, detections: Detections, threshold: float) -> None:
    """Circles, figures over candidates, atypical ones in their own colour; a dark rim shows them on any stain."""
    draw = ImageDraw.Draw(canvas)
    radius = max(OUTLINE_RADIUS_UM / view.spacing_um, SMALLEST_RADIUS_PX)
    places = view.from_level0(detections.points)
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
    canvas: Pictures.Image, view: ResampledImage, detections: Detections, threshold: float, tissue_mm2: float
) -> None:
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(size=15)
    middle = view.height + CAPTION_PX // 2
    draw.rectangle((0, view.height, canvas.width, canvas.height), fill="white")
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
    _draw_scale_bar(draw, font, canvas.width - 16, middle, view.spacing_um)


def _draw_scale_bar(
    draw: ImageDraw.ImageDraw, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, right: int, middle: int, um_px: float
) -> None:
    """A bar of the longest round length that is at most 120 px long, its length in um beside it."""
    length_um = next(um for um in (5000, 2000, 1000, 500, 200, 100, 50, 20, 10, 1) if um / um_px <= 120)
    left = right - length_um / um_px
    draw.rectangle((left, middle - 2, right, middle + 2), fill="black")
    draw.text((left - 8, middle), f"{length_um} um", fill="black", font=font, anchor="rm")

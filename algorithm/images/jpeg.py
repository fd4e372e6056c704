"""JPEG files."""

from pathlib import Path

import imagecodecs

from algorithm.errors import InputError
from algorithm.images.base import Pixels, reading
from algorithm.images.codestreams import jpeg_frame, jpeg_header
from algorithm.images.limits import check_size
from algorithm.images.spacing import SpacingRule, choose_spacing
from algorithm.images.whole import WholeImage

_COLOURS = {1: "grey", 4: "CMYK"}
_HEADER_BYTES = 2**20  # EXIF and colour profiles may stand before the frame


def open_jpeg(path: Path, rule: SpacingRule, max_pixels: int) -> WholeImage:
    """The region in a JPEG; its spacing is the JFIF density. Raises InputError."""
    with reading(path, "its header"), path.open("rb") as file:
        frame = jpeg_header(file.read(_HEADER_BYTES))
    check_size(path, frame.width, frame.height, max_pixels)
    if frame.channels != 3:
        colour = _COLOURS.get(frame.channels, f"of {frame.channels} channels")
        raise InputError(f"{path} is {colour}, not RGB.", "Save it as 8-bit RGB.")
    spacing = choose_spacing(path, frame.spacing_um, rule)
    return WholeImage(path, frame.width, frame.height, spacing, lambda: _decode(path))


def _decode(path: Path) -> Pixels:
    data = path.read_bytes()
    jpeg_frame(data)
    return imagecodecs.jpeg8_decode(data)

"""PNG and JPEG files."""

import struct
from pathlib import Path

import imagecodecs

from algorithm.errors import InputError
from algorithm.images.base import Pixels, reading
from algorithm.images.codestreams import jpeg_frame, jpeg_header
from algorithm.images.limits import check_size
from algorithm.images.spacing import choose_spacing
from algorithm.images.whole import WholeImage

PNG_START = b"\x89PNG\r\n\x1a\n"

_PNG_COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGBA"}
_JPEG_COLOURS = {1: "grey", 4: "CMYK"}
_JPEG_HEADER_BYTES = 2**20  # EXIF and colour profiles may stand before the frame
_IHDR_BYTES = 25  # length, name, 13 bytes, checksum
_UM_PER_M = 1e6
_METRE = 1
_AS_RGB = "Save it as 8-bit RGB."


def open_png(path: Path, spacing_um: float | None, max_pixels: int) -> WholeImage:
    """The region in a PNG; its spacing is the pHYs chunk. Raises InputError."""
    with reading(path, "its header"):
        width, height, tag_um = _png_header(path, max_pixels)
    spacing = choose_spacing(path, tag_um, spacing_um)
    return WholeImage(path, width, height, spacing, lambda: imagecodecs.png_decode(path.read_bytes()))


def open_jpeg(path: Path, spacing_um: float | None, max_pixels: int) -> WholeImage:
    """The region in a JPEG; its spacing is the JFIF density. Raises InputError."""
    with reading(path, "its header"), path.open("rb") as file:
        frame = jpeg_header(file.read(_JPEG_HEADER_BYTES))
    check_size(path, frame.width, frame.height, max_pixels)
    if frame.channels != 3:
        colour = _JPEG_COLOURS.get(frame.channels, f"of {frame.channels} channels")
        raise InputError(f"{path} is {colour}, not RGB.", _AS_RGB)
    spacing = choose_spacing(path, frame.spacing_um, spacing_um)
    return WholeImage(path, frame.width, frame.height, spacing, lambda: _decode_jpeg(path))


def _decode_jpeg(path: Path) -> Pixels:
    data = path.read_bytes()
    jpeg_frame(data)
    return imagecodecs.jpeg8_decode(data)


def _png_header(path: Path, max_pixels: int) -> tuple[int, int, tuple[float, float] | None]:
    """Width, height and spacing: the chunks before the first image data (ISO 15948, 5.3 and 11.2)."""
    with path.open("rb") as file:
        file.seek(len(PNG_START))
        kind, width, height, depth, colour = struct.unpack_from(">4x4sIIBB", file.read(_IHDR_BYTES))
        if kind != b"IHDR":
            raise ValueError("no IHDR chunk")
        check_size(path, width, height, max_pixels)
        if colour not in (2, 6) or depth != 8:
            said = _PNG_COLOURS.get(colour, "of unknown colour type")
            raise InputError(f"{path} is {depth}-bit {said}, not 8-bit RGB.", _AS_RGB)
        while True:
            length, kind = struct.unpack(">I4s", file.read(8))
            if kind == b"IDAT":
                return width, height, None
            if kind == b"pHYs":
                x_per_unit, y_per_unit, unit = struct.unpack_from(">IIB", file.read(length))
                known = unit == _METRE and x_per_unit and y_per_unit
                return width, height, (_UM_PER_M / x_per_unit, _UM_PER_M / y_per_unit) if known else None
            file.seek(length + 4, 1)

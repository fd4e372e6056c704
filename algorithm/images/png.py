"""PNG files: chunks with checksums (ISO 15948, 5.3)."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import imagecodecs

from algorithm.errors import InputError
from algorithm.images.base import Pixels, reading
from algorithm.images.limits import check_size
from algorithm.images.spacing import SpacingRule, choose_spacing
from algorithm.images.whole import WholeImage

PNG_START = b"\x89PNG\r\n\x1a\n"

_COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGBA"}
_RGB, _RGBA = 2, 6
_UM_PER_M = 1e6
_METRE = 1
_DECODED = (b"IHDR", b"IDAT", b"IEND")


def open_png(path: Path, rule: SpacingRule, max_pixels: int) -> WholeImage:
    """The region in a PNG; its spacing is the pHYs chunk. Raises InputError."""
    with reading(path, "its header"), path.open("rb") as file:
        chunks = _chunks(file)
        kind, header = next(chunks)
        if kind != b"IHDR":
            raise ValueError("no IHDR chunk")
        width, height = _check_header(path, header, max_pixels)
        tag_um = _spacing_um(chunks)
    spacing = choose_spacing(path, tag_um, rule)
    return WholeImage(path, width, height, spacing, lambda: _decode(path))


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of every chunk up to IEND, checksums compared. Raises ValueError or struct.error on damage."""
    file.seek(len(PNG_START))
    kind = b""
    while kind != b"IEND":
        length, kind = struct.unpack(">I4s", file.read(8))
        body = file.read(length)
        (checksum,) = struct.unpack(">I", file.read(4))
        if zlib.crc32(kind + body) != checksum:
            raise ValueError(f"checksum of a {kind!r} chunk")
        yield kind, body


def _check_header(path: Path, header: bytes, max_pixels: int) -> tuple[int, int]:
    width, height, depth, colour = struct.unpack_from(">IIBB", header)
    check_size(path, width, height, max_pixels)
    if colour not in (_RGB, _RGBA) or depth != 8:
        said = _COLOURS.get(colour, "of unknown colour type")
        raise InputError(f"{path} is {depth}-bit {said}, not 8-bit RGB.", "Save it as 8-bit RGB.")
    return width, height


def _spacing_um(chunks: Iterator[tuple[bytes, bytes]]) -> tuple[float, float] | None:
    """Micrometres per pixel along x and y, from the pHYs chunk, which stands before the pixels."""
    for kind, body in chunks:
        if kind == b"IDAT":
            break
        if kind == b"pHYs":
            x_per_unit, y_per_unit, unit = struct.unpack(">IIB", body)
            if unit == _METRE and x_per_unit and y_per_unit:
                return _UM_PER_M / x_per_unit, _UM_PER_M / y_per_unit
    return None


def _decode(path: Path) -> Pixels:
    """The pixels; libpng sees nothing but them, since it prints what it thinks of profiles and comments."""
    with path.open("rb") as file:
        kept = [
            struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in _chunks(file)
            if kind in _DECODED
        ]
    return imagecodecs.png_decode(PNG_START + b"".join(kept))

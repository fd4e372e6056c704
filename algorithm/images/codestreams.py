"""What a JPEG or JPEG 2000 stream says of itself, read before it is decoded.

The decoders allocate what a stream declares and, for JPEG, fill in grey what is missing; so both are checked first.
Damage inside the entropy-coded data of a JPEG that leaves its structure whole shows only as wrong pixels:
libjpeg, like every common decoder, goes on.
"""

import struct
from dataclasses import dataclass

JPEG_START = b"\xff\xd8"
STREAM_END = b"\xff\xd9"  # of JPEG and of JPEG 2000
JPEG2000_START = b"\xff\x4f\xff\x51"

_SCAN = 0xDA
_HUFFMAN_FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive
_OTHER_FRAMES = (0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
_JFIF_UNITS_UM = {1: 25_400.0, 2: 10_000.0}  # dots per inch, per centimetre
_PADDING = 16  # bytes that writers append after the end marker
_PIXELS_PER_BYTE = 512  # one bit at least per 8 x 8 block of the densest component


@dataclass(frozen=True)
class Frame:
    """Size and channels of a coded image; `spacing_um` (x, y) where the stream carries one."""

    width: int
    height: int
    channels: int
    spacing_um: tuple[float, float] | None = None


def jpeg_frame(data: bytes) -> Frame:
    """The frame of a complete 8-bit Huffman-coded JPEG. Raises ValueError for any other stream, or a cut one."""
    frame = jpeg_header(data)
    if STREAM_END not in data[-_PADDING:]:
        raise ValueError("the JPEG stream is cut short")
    if frame.width * frame.height > len(data) * _PIXELS_PER_BYTE:
        raise ValueError(f"{len(data)} bytes of JPEG cannot hold {frame.width} x {frame.height} px")
    return frame


def jpeg_header(data: bytes) -> Frame:
    """The frame header of a JPEG stream, found by walking its markers. Raises ValueError."""
    if data[:2] != JPEG_START:
        raise ValueError("no JPEG stream")
    position = 2
    spacing = None
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            raise ValueError("broken JPEG markers")
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        body = data[position + 4 : position + 2 + length]
        if marker == 0xE0 and body[:5] == b"JFIF\0" and len(body) >= 12:
            spacing = _jfif_spacing_um(body)
        if marker in _HUFFMAN_FRAMES and len(body) >= 6:
            precision, height, width, channels = struct.unpack_from(">BHHB", body)
            if precision != 8:
                raise ValueError(f"JPEG of {precision} bits a channel")
            return Frame(width, height, channels, spacing)
        if marker in _OTHER_FRAMES:
            raise ValueError("lossless or arithmetic-coded JPEG")
        if marker == _SCAN or length < 2:
            break
        position += 2 + length
    raise ValueError("no JPEG frame header")


def _jfif_spacing_um(body: bytes) -> tuple[float, float] | None:
    unit, x_density, y_density = struct.unpack_from(">BHH", body, 7)
    if unit not in _JFIF_UNITS_UM or not x_density or not y_density:
        return None
    return _JFIF_UNITS_UM[unit] / x_density, _JFIF_UNITS_UM[unit] / y_density


def jpeg2000_frame(data: bytes) -> Frame:
    """The frame of a JPEG 2000 codestream, bare or in a JP2 file. Raises ValueError (ISO 15444-1, A.5.1)."""
    start = data.find(JPEG2000_START)
    if start < 0 or len(data) < start + 42:
        raise ValueError("no JPEG 2000 stream")
    if STREAM_END not in data[-_PADDING:]:
        raise ValueError("the JPEG 2000 stream is cut short")
    right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
    (channels,) = struct.unpack_from(">H", data, start + 40)
    return Frame(right - left, bottom - top, channels)

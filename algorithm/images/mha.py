"""MetaImage (.mha): a text header, then raw or zlib-compressed pixels.

Read here and not through SimpleITK, which takes a damaged zlib stream for a good one and follows a header
to other files (SimpleITK 2.5.7). A test holds the two readers together.
"""

import zlib
from pathlib import Path

import numpy as np

from algorithm.errors import InputError
from algorithm.images.base import Pixels, reading
from algorithm.images.limits import check_size
from algorithm.images.spacing import choose_spacing
from algorithm.images.whole import WholeImage

_HEADER_BYTES = 16_384
_UM_PER_MM = 1000.0
_FIX = "Save it as one 2-D .mha with 8-bit RGB pixels."


def open_mha(path: Path, spacing_um: float | None, max_pixels: int) -> WholeImage:
    """The region in a MetaImage; its spacing is ElementSpacing, in mm. Raises InputError."""
    with reading(path, "its header"):
        header, start = _read_header(path)
        width, height, channels = _check(path, header, max_pixels)
        tag_um = None
        if "ElementSpacing" in header:
            x_mm, y_mm = (float(word) for word in header["ElementSpacing"].split()[:2])
            tag_um = x_mm * _UM_PER_MM, y_mm * _UM_PER_MM
        compressed = header.get("CompressedData", "False") == "True"
        file_bytes = path.stat().st_size
        if not compressed and file_bytes < start + width * height * channels:
            raise ValueError(f"{file_bytes} bytes do not hold {width} x {height} px")
    spacing = choose_spacing(path, tag_um, spacing_um)
    return WholeImage(path, width, height, spacing, lambda: _decode(path, start, (height, width, channels), compressed))


def _read_header(path: Path) -> tuple[dict[str, str], int]:
    """The header's keys and values, and where the pixels begin."""
    header: dict[str, str] = {}
    with path.open("rb") as file:
        while "ElementDataFile" not in header and file.tell() < _HEADER_BYTES:
            key, equals, value = file.readline(_HEADER_BYTES).decode("ascii").partition("=")
            if not equals:
                raise ValueError("a line is not `key = value`")
            header[key.strip()] = value.strip()
        return header, file.tell()


def _check(path: Path, header: dict[str, str], max_pixels: int) -> tuple[int, int, int]:
    """Width, height and channels. Raises InputError for what is refused, ValueError or KeyError for a broken header."""
    if header["ElementDataFile"] != "LOCAL":
        raise InputError(f"{path} keeps its pixels in another file.", _FIX)
    width, height, *depth = (int(word) for word in header["DimSize"].split())
    if any(size != 1 for size in depth):
        raise InputError(f"{path} is a volume.", _FIX)
    channels = int(header.get("ElementNumberOfChannels", "1"))
    if header["ElementType"] != "MET_UCHAR" or channels not in (3, 4):
        raise InputError(f"{path} has {channels} channel(s) of {header['ElementType']}, not 8-bit RGB.", _FIX)
    if header.get("BinaryData", "True") != "True" or header.get("HeaderSize", "0") != "0":
        raise InputError(f"{path} stores its pixels as text or behind another header.", _FIX)
    check_size(path, width, height, max_pixels)
    return width, height, channels


def _decode(path: Path, start: int, shape: tuple[int, int, int], compressed: bool) -> Pixels:
    size = shape[0] * shape[1] * shape[2]
    with path.open("rb") as file:
        file.seek(start)
        data = file.read() if compressed else file.read(size)
    if compressed:
        stream = zlib.decompressobj()
        data = stream.decompress(data, size)
        # the checksum stands behind the last pixel: one byte more must not exist, and the end must have been seen
        if stream.decompress(stream.unconsumed_tail, 1) or not stream.eof:
            raise ValueError("the zlib stream does not end with the last pixel")
    return np.frombuffer(data, np.uint8).reshape(shape)

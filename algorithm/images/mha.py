"""MetaImage (.mha): a text header, then raw or zlib-compressed pixels.

Read here and not through SimpleITK, which takes a damaged zlib stream for a good one and follows a header
to other files (SimpleITK 2.5.7). A test holds the two readers together.
"""

import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

from algorithm.errors import InputError
from algorithm.images.base import Pixels, reading
from algorithm.images.limits import check_size
from algorithm.images.spacing import SpacingRule, choose_spacing
from algorithm.images.whole import WholeImage

_HEADER_BYTES = 16_384
_UM_PER_MM = 1000.0
_FIX = "Save it as one 2-D .mha with 8-bit RGB pixels."


class Volume(NamedTuple):
    """What a header says of the planes: they lie one after the other from byte `start` on; spacing in um/px."""

    width: int
    height: int
    depth: int
    channels: int
    start: int
    compressed: bool
    tag_um: tuple[float, float] | None

    @property
    def plane_bytes(self) -> int:
        """What one plane takes, uncompressed."""
        return self.width * self.height * self.channels


def open_mha(path: Path, rule: SpacingRule, max_pixels: int) -> WholeImage:
    """The region in a MetaImage; its spacing is ElementSpacing, in mm. Raises InputError."""
    volume = read_volume(path, max_pixels)
    if volume.depth != 1:
        raise InputError(f"{path} is a volume.", _FIX)
    spacing = choose_spacing(path, volume.tag_um, rule)
    return WholeImage(path, volume.width, volume.height, spacing, lambda: next(read_planes(path, volume)))


def read_volume(path: Path, max_pixels: int) -> Volume:
    """The header of a MetaImage of one plane or several, within the limit. Raises InputError."""
    with reading(path, "its header"):
        header, start = _read_header(path)
        width, height, depth, channels = _check(path, header, max_pixels)
        tag_um = None
        if "ElementSpacing" in header:
            x_mm, y_mm = (float(word) for word in header["ElementSpacing"].split()[:2])
            tag_um = x_mm * _UM_PER_MM, y_mm * _UM_PER_MM
        compressed = header.get("CompressedData", "False") == "True"
        volume = Volume(width, height, depth, channels, start, compressed, tag_um)
        file_bytes = path.stat().st_size
        if not compressed and file_bytes < start + depth * volume.plane_bytes:
            raise ValueError(f"{file_bytes} bytes do not hold {width} x {height} px")
    return volume


def read_planes(path: Path, volume: Volume) -> Iterator[Pixels]:
    """The planes (height, width, channels) in their order; uncompressed ones are read one by one.

    Raises errors of any kind for damage.
    """
    with path.open("rb") as file:
        file.seek(volume.start)
        size = volume.depth * volume.plane_bytes
        pixels = BytesIO(_decompressed(file.read(), size)) if volume.compressed else file
        for _ in range(volume.depth):
            plane = np.frombuffer(pixels.read(volume.plane_bytes), np.uint8)
            yield plane.reshape(volume.height, volume.width, volume.channels)


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


def _check(path: Path, header: dict[str, str], max_pixels: int) -> tuple[int, int, int, int]:
    """Width, height, planes, channels. Raises InputError for what is refused, others for a broken header."""
    if header["ElementDataFile"] != "LOCAL":
        raise InputError(f"{path} keeps its pixels in another file.", _FIX)
    width, height, *further = (int(word) for word in header["DimSize"].split())
    if any(size != 1 for size in further[1:]):
        raise InputError(f"{path} has more than three dimensions.", _FIX)
    depth = further[0] if further else 1
    channels = int(header.get("ElementNumberOfChannels", "1"))
    if header["ElementType"] != "MET_UCHAR" or channels not in (3, 4):
        raise InputError(f"{path} has {channels} channel(s) of {header['ElementType']}, not 8-bit RGB.", _FIX)
    if header.get("BinaryData", "True") != "True" or header.get("HeaderSize", "0") != "0":
        raise InputError(f"{path} stores its pixels as text or behind another header.", _FIX)
    check_size(path, width, height, max_pixels)
    if depth < 1 or width * height * depth > max_pixels:
        raise InputError(
            f"{path} declares {depth} planes of {width} x {height} px, outside 1 to {max_pixels} px in all.",
            "Save fewer of them in one file.",
        )
    return width, height, depth, channels


def _decompressed(data: bytes, size: int) -> bytes:
    """What a zlib stream of `size` bytes holds. Raises ValueError or zlib.error for damage."""
    stream = zlib.decompressobj()
    pixels = stream.decompress(data, size)
    # the checksum stands behind the last pixel: one byte more must not exist, and the end must have been seen
    if stream.decompress(stream.unconsumed_tail, 1) or not stream.eof:
        raise ValueError("the zlib stream does not end with the last pixel")
    return pixels

"""Small images drawn for the tests, and files made of them, whole or broken on purpose."""

import struct
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from algorithm.images.base import Image, Pixels
from algorithm.images.spacing import Spacing

PER_CM = 40_000.0
"""Pixels per centimetre at 0.25 um/px."""


def tissue(width: int = 97, height: int = 83, channels: int = 3, seed: int = 1) -> NDArray[np.uint8]:
    """Pink ground with texture and dark blue nuclei: (height, width, channels) uint8; a fourth one is alpha."""
    random = np.random.default_rng(seed)
    pixels = np.array([228.0, 170.0, 200.0]) + random.normal(0, 8, (height, width, 3))
    rows, columns = np.mgrid[:height, :width]
    for _ in range(6):
        x, y, radius = random.uniform(0, width), random.uniform(0, height), random.uniform(4, 9)
        nucleus = (columns - x) ** 2 + (rows - y) ** 2 <= radius**2
        pixels[nucleus] -= (120, 90, 40)
    with_alpha = np.dstack([pixels, columns % 256])
    return np.ascontiguousarray(np.clip(with_alpha, 0, 255).astype(np.uint8)[..., :channels])


def write_tiff(path: Path, pixels: NDArray[Any], **options: Any) -> Path:
    """A little-endian TIFF at 0.25 um/px in strips of 16 rows, unless `options` of tifffile.imwrite say otherwise."""
    settings: dict[str, Any] = {"photometric": "rgb", "resolution": (PER_CM, PER_CM), "resolutionunit": "CENTIMETER"}
    if "tile" not in options:
        settings["rowsperstrip"] = 16
    if pixels.shape[-1] == 4 and options.get("photometric", "rgb") == "rgb":
        settings["extrasamples"] = ["unassalpha"]
    tifffile.imwrite(path, pixels, byteorder="<", metadata=None, **(settings | options))
    return path


def write_mha(path: Path, pixels: Pixels, compressed: bool = False, **changes: str) -> Path:
    """A MetaImage at 0.25 um/px; `changes` replace or add header lines."""
    data = imagecodecs.zlib_encode(pixels.tobytes()) if compressed else pixels.tobytes()
    header = {
        "ObjectType": "Image",
        "NDims": "2",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": str(compressed),
        "ElementSpacing": "0.00025 0.00025",
        "DimSize": f"{pixels.shape[1]} {pixels.shape[0]}",
        "ElementNumberOfChannels": str(pixels.shape[2]),
        "ElementType": "MET_UCHAR",
        "ElementDataFile": "LOCAL",
    }
    if compressed:
        header = {"ObjectType": "Image", "CompressedDataSize": str(len(data))} | header
    header |= changes
    header["ElementDataFile"] = header.pop("ElementDataFile")  # the format wants it last
    path.write_bytes("".join(f"{key} = {value}\n" for key, value in header.items()).encode() + data)
    return path


def write_png(path: Path, pixels: NDArray[Any], per_metre: int = 4_000_000) -> Path:
    """A PNG with a pHYs chunk behind its header."""
    data = imagecodecs.png_encode(np.ascontiguousarray(pixels))
    body = b"pHYs" + struct.pack(">IIB", per_metre, per_metre, 1)
    chunk = struct.pack(">I", 9) + body + struct.pack(">I", zlib.crc32(body))
    path.write_bytes(data[:33] + chunk + data[33:])
    return path


def write_jpeg(path: Path, pixels: NDArray[Any], per_cm: int = int(PER_CM)) -> Path:
    """A JPEG whose JFIF density is in pixels per centimetre."""
    data = bytearray(imagecodecs.jpeg8_encode(np.ascontiguousarray(pixels), level=90))
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        at = data.index(b"JFIF\0") + 7
        data[at : at + 5] = struct.pack(">BHH", 2, per_cm, per_cm)
    path.write_bytes(data)
    return path


def set_tag(data: bytes, code: int, value: int, index: int = 0) -> bytes:
    """A classic little-endian TIFF with item `index` of tag `code` of its first directory changed."""
    changed = bytearray(data)
    kind, count, entry = _entry(data, code)
    size, form = {3: (2, "<H"), 4: (4, "<I"), 5: (8, "<Q")}[kind]
    at = entry + 8 if size * count <= 4 else struct.unpack_from("<I", data, entry + 8)[0]
    struct.pack_into(form, changed, at + size * index, value)
    return bytes(changed)


def set_tag_count(data: bytes, code: int, count: int) -> bytes:
    """A classic little-endian TIFF with the count of tag `code` changed."""
    changed = bytearray(data)
    struct.pack_into("<I", changed, _entry(data, code)[2] + 4, count)
    return bytes(changed)


def drop_tag(data: bytes, code: int) -> bytes:
    """A classic little-endian TIFF whose tag `code` has got a private code instead."""
    changed = bytearray(data)
    struct.pack_into("<H", changed, _entry(data, code)[2], 65_000)
    return bytes(changed)


def segment(path: Path, index: int = 0) -> tuple[int, int]:
    """Offset and length of strip or tile `index` in a TIFF."""
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        return page.dataoffsets[index], page.databytecounts[index]


def _entry(data: bytes, code: int) -> tuple[int, int, int]:
    """Type, count and place of a tag's entry."""
    (start,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, start)
    for at in range(start + 2, start + 2 + 12 * entries, 12):
        found, kind, count = struct.unpack_from("<HHI", data, at)
        if found == code:
            return kind, count, at
    raise KeyError(code)


class DrawnImage(Image):
    """An image in memory."""

    def __init__(self, pixels: Pixels, spacing_um: tuple[float, float] = (0.25, 0.25)) -> None:
        super().__init__(Path("drawn"), pixels.shape[1], pixels.shape[0], Spacing(*spacing_um, "tag"))
        self.pixels = pixels

    def close(self) -> None:
        """Nothing to let go of."""

    def _read(self, x: int, y: int, width: int, height: int) -> Pixels:
        return self.pixels[y : y + height, x : x + width].copy()

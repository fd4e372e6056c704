"""Files that are damaged, hostile, or not what the project takes: each must be refused with a reason."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile

from tests.algorithm.images.drawing import (
    drop_tag,
    segment,
    set_tag,
    set_tag_count,
    tissue,
    write_jpeg,
    write_mha,
    write_png,
    write_tiff,
)

WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, STRIP_OFFSETS, ORIENTATION = 256, 257, 258, 259, 262, 273, 274
SAMPLES, ROWS_PER_STRIP, STRIP_COUNTS, PLANAR, PREDICTOR = 277, 278, 279, 284, 317
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS, SAMPLE_FORMAT = 322, 323, 324, 325, 339

Write = Callable[[Path], object]
DEFLATE = {"compression": "zlib"}
JPEG_TILES = {"compression": "jpeg", "tile": (32, 32)}
JPEG2000_TILES = {"compression": "jpeg2000", "tile": (32, 32)}


def tiff(change: Callable[[bytes], bytes], **options: Any) -> Write:
    """A good TIFF, its bytes changed."""
    return _changed(lambda path: write_tiff(path, tissue(), **options), change)


def in_segment(change: Callable[[bytes], bytes], **options: Any) -> Write:
    """A good TIFF whose third strip or tile has other bytes, as many as before."""

    def write(path: Path) -> None:
        write_tiff(path, tissue(), **options)
        offset, length = segment(path, 2)
        data = path.read_bytes()
        changed = change(data[offset : offset + length])
        assert len(changed) == length
        path.write_bytes(data[:offset] + changed + data[offset + length :])

    return write


def drawn(pixels: np.ndarray[Any, Any], **options: Any) -> Write:
    """A whole TIFF of a kind that is not taken."""
    return lambda path: write_tiff(path, pixels, **options)


def mha(change: Callable[[bytes], bytes] = bytes, compressed: bool = False, **header: str) -> Write:
    """A good MetaImage, its header lines or bytes changed."""
    return _changed(lambda path: write_mha(path, tissue(), compressed, **header), change)


def png(change: Callable[[bytes], bytes]) -> Write:
    """A good PNG, its bytes changed."""
    return _changed(lambda path: write_png(path, tissue()), change)


def jpeg(change: Callable[[bytes], bytes]) -> Write:
    """A good JPEG, its bytes changed."""
    return _changed(lambda path: write_jpeg(path, tissue()), change)


def content(data: bytes) -> Write:
    """Just these bytes."""
    return lambda path: path.write_bytes(data)


def _changed(write: Write, change: Callable[[bytes], bytes]) -> Write:
    def write_changed(path: Path) -> None:
        write(path)
        path.write_bytes(change(path.read_bytes()))

    return write_changed


def tag(code: int, value: int, index: int = 0) -> Callable[[bytes], bytes]:
    """Another value for a tag."""
    return lambda data: set_tag(data, code, value, index)


def middle(patch: bytes) -> Callable[[bytes], bytes]:
    """Other bytes in the middle."""
    return lambda data: data[: len(data) // 2] + patch + data[len(data) // 2 + len(patch) :]


def zeroed(data: bytes) -> bytes:
    """Nothing but zeros."""
    return bytes(len(data))


def half(data: bytes) -> bytes:
    """The first half."""
    return data[: len(data) // 2]


def half_padded(data: bytes) -> bytes:
    """The first half, then zeros."""
    return half(data).ljust(len(data), b"\0")


def next_directory(offset_of: Callable[[bytes], int]) -> Callable[[bytes], bytes]:
    """A TIFF whose first directory points on to another place."""

    def change(data: bytes) -> bytes:
        (start,) = struct.unpack_from("<I", data, 4)
        (entries,) = struct.unpack_from("<H", data, start)
        at = start + 2 + 12 * entries
        return data[:at] + struct.pack("<I", offset_of(data)) + data[at + 4 :]

    return change


def first_directory(offset: int) -> Callable[[bytes], bytes]:
    """A TIFF whose header points to another place."""
    return lambda data: data[:4] + struct.pack("<I", offset) + data[8:]


def entries(count: int) -> Callable[[bytes], bytes]:
    """A TIFF whose first directory declares another number of entries."""

    def change(data: bytes) -> bytes:
        (start,) = struct.unpack_from("<I", data, 4)
        return data[:start] + struct.pack("<H", count) + data[start + 2 :]

    return change


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """The first `old` is now `new`."""

    def change(data: bytes) -> bytes:
        assert old in data
        return data.replace(old, new, 1)

    return change


def frame_size(data: bytes) -> bytes:
    """A JPEG that declares 65,500 x 65,500 px."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", 65_500, 65_500) + data[at + 4 :]


def image_size(data: bytes) -> bytes:
    """A JPEG 2000 stream that declares 2^31 x 2^31 px."""
    at = data.index(b"\xff\x4f\xff\x51") + 8
    return data[:at] + struct.pack(">II", 2**31, 2**31) + data[at + 8 :]


def png_header(at: int, patch: bytes) -> Callable[[bytes], bytes]:
    """A PNG with other bytes in its IHDR chunk, and the checksum that belongs to them."""

    def change(data: bytes) -> bytes:
        body = data[16 : 16 + at] + patch + data[16 + at + len(patch) : 29]
        return data[:16] + body + struct.pack(">I", zlib.crc32(b"IHDR" + body)) + data[33:]

    return change


def two_pages(path: Path) -> None:
    """Two images of one size."""
    tifffile.imwrite(path, np.stack([tissue(), tissue(seed=2)]), photometric="rgb", resolution=(40_000, 40_000))


def two_pages_in_a_loop(path: Path) -> None:
    """An image and a thumbnail that points back to it."""
    with tifffile.TiffWriter(path, byteorder="<") as writer:
        writer.write(tissue(), photometric="rgb")
        writer.write(tissue(20, 20), photometric="rgb", subfiletype=1)
    with tifffile.TiffFile(path) as opened:
        first, second = (page.offset for page in opened.pages)
    data = bytearray(path.read_bytes())
    (count,) = struct.unpack_from("<H", data, second)
    struct.pack_into("<I", data, second + 2 + 12 * count, first)
    path.write_bytes(data)


def more_pixels_than_declared(path: Path) -> None:
    """A MetaImage whose zlib stream goes on for 50 MB behind the last pixel."""
    write_mha(path, tissue(), compressed=True)
    header, _, _ = path.read_bytes().partition(b"LOCAL\n")
    path.write_bytes(header + b"LOCAL\n" + zlib.compress(tissue().tobytes() + bytes(50_000_000)))


BROKEN: dict[str, Write] = {
    "empty": content(b""),
    "one byte": content(b"I"),
    "text": content(b"no image at all\n" * 20),
    "tiff signature alone": content(b"II*\0"),
    "tiff header alone": content(b"II*\0\x08\0\0\0"),
    "cut in the directory": lambda path: path.write_bytes(_tiff_bytes(path)[:40]),
    "no directory": tiff(first_directory(0)),
    "first directory behind the end": tiff(first_directory(2**31)),
    "next directory behind the end": tiff(next_directory(lambda data: len(data) + 100)),
    "directory loop": tiff(next_directory(lambda data: struct.unpack_from("<I", data, 4)[0])),
    "directory loop over two": two_pages_in_a_loop,
    "no entries": tiff(entries(0)),
    "65,535 entries": tiff(entries(65_535)),
    "width 0": tiff(tag(WIDTH, 0)),
    "height 0": tiff(tag(LENGTH, 0)),
    "0 x 0": tiff(lambda data: set_tag(set_tag(data, WIDTH, 0), LENGTH, 0)),
    "30,000 x 30,000": tiff(lambda data: set_tag(set_tag(data, WIDTH, 30_000), LENGTH, 30_000)),
    "65,535 wide": tiff(tag(WIDTH, 65_535)),
    "65,535 high": tiff(tag(LENGTH, 65_535)),
    "16-bit": drawn(tissue().astype(np.uint16)),
    "float": drawn(tissue().astype(np.float32)),
    "signed": drawn(tissue().astype(np.int8)),
    "mixed bit depths": tiff(tag(BITS, 16, 2)),
    "grey": drawn(tissue()[..., 0], photometric="minisblack"),
    "grey in three channels": tiff(tag(PHOTOMETRIC, 1)),
    "palette": drawn(tissue()[..., 0], photometric="palette", colormap=np.zeros((3, 256), np.uint16)),
    "cmyk": drawn(tissue(channels=4), photometric="separated"),
    "cielab": tiff(tag(PHOTOMETRIC, 8)),
    "five channels": drawn(np.dstack([tissue(), tissue()[..., :2]]), extrasamples=[0, 0]),
    "planar": drawn(np.moveaxis(tissue(), 2, 0), planarconfig="separate"),
    "volume": drawn(np.stack([tissue()] * 16), volumetric=True, tile=(16, 32, 32)),
    "two images": two_pages,
    "turned": tiff(tag(ORIENTATION, 6), extratags=[(ORIENTATION, 3, 1, 1, True)]),
    "predictor 3": tiff(tag(PREDICTOR, 3), predictor=True, **DEFLATE),
    "old jpeg": tiff(tag(COMPRESSION, 6)),
    "unknown compression": tiff(tag(COMPRESSION, 9_999)),
    "deflate said, raw stored": tiff(tag(COMPRESSION, 8)),
    "jpeg said, deflate stored": tiff(tag(COMPRESSION, 7), **DEFLATE),
    "raw said, deflate stored": tiff(tag(COMPRESSION, 1), **DEFLATE),
    "jpeg 2000 said, jpeg stored": tiff(tag(COMPRESSION, 34_712), **JPEG_TILES),
    "cut in the last strip": tiff(lambda data: data[:-100]),
    "cut in the middle, tiles": tiff(half, tile=(32, 32)),
    "strip behind the end": tiff(tag(STRIP_OFFSETS, 2**31, 3)),
    "tile behind the end": tiff(tag(TILE_OFFSETS, 2**31, 3), tile=(32, 32)),
    "strip at 0": tiff(tag(STRIP_OFFSETS, 0, 1)),
    "strip of no bytes": tiff(tag(STRIP_COUNTS, 0, 1), rowsperstrip=8),
    "tile of no bytes": tiff(tag(TILE_COUNTS, 0, 1), tile=(32, 32)),
    "tile longer than the file": tiff(tag(TILE_COUNTS, 65_535, 1), tile=(32, 32)),
    "strip too short": tiff(tag(STRIP_COUNTS, 10, 1)),
    "a strip offset missing": tiff(lambda data: set_tag_count(data, STRIP_OFFSETS, 5)),
    "strip offsets missing": tiff(lambda data: drop_tag(data, STRIP_OFFSETS)),
    "strip offsets by the billion": tiff(lambda data: set_tag_count(data, STRIP_OFFSETS, 2**31)),
    "strip counts missing": tiff(lambda data: drop_tag(data, STRIP_COUNTS)),
    "0 rows a strip": tiff(tag(ROWS_PER_STRIP, 0)),
    "tile width 0": tiff(tag(TILE_WIDTH, 0), tile=(32, 32)),
    "tile of a million px wide": tiff(tag(TILE_WIDTH, 1_048_576), tile=(32, 32)),
    "width missing": tiff(lambda data: drop_tag(data, WIDTH)),
    "deflate damaged in the middle": in_segment(middle(b"\x5a" * 12), **DEFLATE),
    "deflate tile damaged in the middle": in_segment(middle(b"\x5a" * 12), tile=(32, 32), **DEFLATE),
    "deflate, one bit of the checksum": in_segment(lambda data: data[:-1] + bytes([data[-1] ^ 1]), **DEFLATE),
    "deflate strip zeroed": in_segment(zeroed, **DEFLATE),
    "deflate strip cut": in_segment(half_padded, **DEFLATE),
    "lzw strip zeroed": in_segment(zeroed, compression="lzw"),
    "lzw strip cut": in_segment(half_padded, compression="lzw"),
    "jpeg tile zeroed": in_segment(zeroed, **JPEG_TILES),
    "jpeg tile cut": in_segment(half_padded, **JPEG_TILES),
    "jpeg tile of 65,500 px": in_segment(frame_size, **JPEG_TILES),
    "jpeg tile of 12 bits": in_segment(replaced(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"), **JPEG_TILES),
    "jpeg 2000 tile zeroed": in_segment(zeroed, **JPEG2000_TILES),
    "jpeg 2000 tile cut": in_segment(half_padded, **JPEG2000_TILES),
    "jpeg 2000 tile of 2^31 px": in_segment(image_size, **JPEG2000_TILES),
    "bigtiff cut in its header": lambda path: path.write_bytes(_tiff_bytes(path, bigtiff=True)[:12]),
    "bigtiff directory at 2^60": tiff(lambda data: data[:8] + struct.pack("<Q", 2**60) + data[16:], bigtiff=True),
    "mha with nothing else": content(b"ObjectType = Image\n"),
    "mha garbage": content(b"ObjectType" + bytes(range(256)) * 40),
    "mha without an end of line": content(b"ObjectType = " + b"x" * 100_000),
    "mha cut": mha(half),
    "mha without pixels": mha(lambda data: data.partition(b"LOCAL\n")[0] + b"LOCAL\n"),
    "mha in another file": mha(ElementDataFile="/etc/hostname"),
    "mha in a list of files": mha(ElementDataFile="LIST"),
    "mha without a size": mha(replaced(b"DimSize", b"DimSise")),
    "mha of negative size": mha(DimSize="-97 -83"),
    "mha of 0 px": mha(DimSize="0 83"),
    "mha 30,000 x 30,000": mha(DimSize="30000 30000"),
    "mha size in words": mha(DimSize="many more"),
    "mha volume": mha(NDims="3", DimSize="97 83 2"),
    "mha grey": mha(ElementNumberOfChannels="1"),
    "mha 16-bit": mha(ElementType="MET_USHORT"),
    "mha as text": mha(BinaryData="False"),
    "mha spacing in words": mha(ElementSpacing="small small"),
    "mha deflate damaged in the middle": mha(middle(b"\x5a" * 12), compressed=True),
    "mha deflate, one bit of the checksum": mha(lambda data: data[:-1] + bytes([data[-1] ^ 1]), compressed=True),
    "mha deflate cut": mha(lambda data: data[:-200], compressed=True),
    "mha deflate without its checksum": mha(lambda data: data[:-4], compressed=True),
    "mha deflate with more pixels": more_pixels_than_declared,
    "png signature alone": content(b"\x89PNG\r\n\x1a\n"),
    "png cut": png(half),
    "png damaged in the middle": png(middle(b"\x5a" * 12)),
    "png without an end": png(lambda data: data[:-20]),
    "png without its header": png(replaced(b"IHDR", b"IHDX")),
    "png header damaged": png(lambda data: data[:19] + b"\x60" + data[20:]),
    "png 30,000 x 30,000": png(png_header(0, struct.pack(">II", 30_000, 30_000))),
    "png 0 x 83": png(png_header(0, bytes(4))),
    "png of another height": png(png_header(4, struct.pack(">I", 90))),
    "png grey": lambda path: write_png(path, tissue()[..., 0]),
    "png 16-bit": lambda path: write_png(path, tissue().astype(np.uint16)),
    "png palette": png(png_header(9, b"\3")),
    "jpeg signature alone": content(b"\xff\xd8\xff\xe0"),
    "jpeg cut": jpeg(half),
    "jpeg without a frame": jpeg(replaced(b"\xff\xc0", b"\xff\xe5")),
    "jpeg 65,500 x 65,500": jpeg(frame_size),
    "jpeg 16,000 x 16,000": jpeg(lambda data: _jpeg_size(data, 16_000)),
    "jpeg grey": lambda path: write_jpeg(path, tissue()[..., 0]),
    "jpeg cmyk": content(imagecodecs.jpeg8_encode(tissue(channels=4), colorspace="cmyk", outcolorspace="cmyk")),
}


def _tiff_bytes(path: Path, **options: Any) -> bytes:
    return write_tiff(path, tissue(), **options).read_bytes()


def _jpeg_size(data: bytes, size: int) -> bytes:
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", size, size) + data[at + 4 :]

"""A TIFF's header: read and judged before any pixel is decoded."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tifffile import TiffFile, TiffPage

from algorithm.errors import InputError
from algorithm.images.limits import MAX_DIRECTORIES, MAX_PAGES, MAX_TILE_PIXELS, check_size

NONE, LZW, JPEG, DEFLATE, DEFLATE_OLD, APERIO_JPEG2000, JPEG2000 = 1, 5, 7, 8, 32946, 33005, 34712
COMPRESSIONS = (NONE, LZW, JPEG, DEFLATE, DEFLATE_OLD, APERIO_JPEG2000, JPEG2000)

_REDUCED_SHARE = 0.3  # a further image of at most this share of the pixels is a thumbnail, label or pyramid level
_PHOTOMETRICS = {0: "grey", 1: "grey", 2: "RGB", 3: "palette", 4: "mask", 5: "CMYK", 6: "YCbCr", 8: "CIELAB"}
_UNITS_UM = {2: 25_400.0, 3: 10_000.0}  # inch, centimetre
_RESOLUTION_TAGS = (282, 283)
_UNIT_TAG, _ORIENTATION_TAG, _UPRIGHT = 296, 274, (0, 1)
_REDUCED, _MASK = 1, 4  # of the tag NewSubfileType
_AS_RGB = "Save it as 8-bit RGB."


def read_page(path: Path, file: BinaryIO, max_pixels: int) -> TiffPage:
    """The one full image of a TIFF, known to be 8-bit RGB or RGBA, within the limits, all its data inside the file.

    Raises InputError for what is refused, and errors of any kind for a damaged header.
    """
    page: TiffPage | None = None
    for current in _directories(path, file, MAX_DIRECTORIES):
        if page is None:
            page = current
            check_size(path, page.imagewidth, page.imagelength, max_pixels)
        elif not _is_reduced(current, page):
            raise InputError(f"{path} holds more than one image, where one region is expected.", "Save one page alone.")
    if page is None:
        raise InputError(f"{path} holds no image.", "Export it again.")
    _check_pixels(str(path), page)
    _check_segments(str(path), page, os.fstat(file.fileno()).st_size)
    return page


def read_pages(path: Path, file: BinaryIO, max_pixels: int) -> list[TiffPage]:
    """The pages of a TIFF that is a stack, each known to be as `read_page` wants it; max_pixels: of all together.

    Pages that say of themselves that they are a reduced copy or a mask are left out. Raises as `read_page` does.
    """
    pages: list[TiffPage] = []
    file_bytes = os.fstat(file.fileno()).st_size
    left = max_pixels
    for page in _directories(path, file, MAX_PAGES):
        if page.subfiletype & (_REDUCED | _MASK):
            continue
        name = page_name(path, len(pages))
        check_size(name, page.imagewidth, page.imagelength, left)
        _check_pixels(name, page)
        _check_segments(name, page, file_bytes)
        left -= page.imagewidth * page.imagelength
        pages.append(page)
    if not pages:
        raise InputError(f"{path} holds no image.", "Export it again.")
    return pages


def page_name(path: Path, index: int) -> str:
    """What messages call page `index`; people count from 1."""
    return f"{path}, page {index + 1},"


def _directories(path: Path, file: BinaryIO, most: int) -> Iterator[TiffPage]:
    """The image directories of a TIFF in order; raises as `directory_offsets`, and ValueError for a broken one."""
    tiff: TiffFile | None = None
    for index, _ in enumerate(directory_offsets(path, file, most)):
        if tiff is None:
            file.seek(0)
            tiff = TiffFile(file)
        page = tiff.pages[index]
        if not isinstance(page, TiffPage):
            raise ValueError(f"image directory {index} is incomplete")
        yield page


def directory_offsets(path: Path, file: BinaryIO, most: int) -> Iterator[int]:
    """Where the image directories lie, in order (TIFF 6.0, section 2; BigTIFF).

    Raises InputError on a loop and for more than `most` of them.
    """
    file.seek(0)
    header = file.read(16)
    order = "<" if header[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", header, 2)[0] == 43
    count_format, offset_format, entry_bytes = (order + "Q", order + "Q", 20) if big else (order + "H", order + "I", 12)
    (offset,) = struct.unpack_from(offset_format, header, 8 if big else 4)
    seen: set[int] = set()
    while offset:
        if offset in seen:
            raise InputError(f"{path} is damaged: its image directories form a loop.", "Copy or export it again.")
        if len(seen) == most:
            raise InputError(f"{path} holds more than {most} images.", "Save fewer of them in one file.")
        seen.add(offset)
        yield offset
        file.seek(offset)
        count_bytes = struct.calcsize(count_format)
        (entries,) = struct.unpack(count_format, file.read(count_bytes))
        file.seek(offset + count_bytes + entries * entry_bytes)
        (offset,) = struct.unpack(offset_format, file.read(struct.calcsize(offset_format)))


def spacing_tag_um(page: TiffPage) -> tuple[float, float] | None:
    """Micrometres per pixel along x and y by the resolution tags; None if they or their unit are missing."""
    unit_um = _UNITS_UM.get(page.tags.valueof(_UNIT_TAG))
    resolutions = [page.tags.valueof(tag) for tag in _RESOLUTION_TAGS]
    if unit_um is None or None in resolutions:
        return None
    x, y = (unit_um * denominator / numerator if numerator else float("inf") for numerator, denominator in resolutions)
    return x, y


def segment_size(page: TiffPage) -> tuple[int, int]:
    """Width and height of a tile or a strip, px."""
    return (page.tilewidth, page.tilelength) if page.is_tiled else (page.imagewidth, page.rowsperstrip)


def _is_reduced(other: TiffPage, page: TiffPage) -> bool:
    small = other.imagewidth * other.imagelength <= _REDUCED_SHARE * page.imagewidth * page.imagelength
    return bool(other.subfiletype & _REDUCED) or small


def _check_pixels(path: str, page: TiffPage) -> None:
    kind = _PHOTOMETRICS.get(page.photometric, f"of photometric kind {page.photometric}")
    if kind not in ("RGB", "YCbCr"):
        raise InputError(f"{path} is {kind}, not RGB.", _AS_RGB)
    if page.bitspersample != 8 or page.sampleformat != 1:
        sample = {1: "unsigned", 2: "signed", 3: "float"}.get(page.sampleformat, "unknown")
        raise InputError(f"{path} has {sample} {page.bitspersample}-bit channels, not unsigned 8-bit.", _AS_RGB)
    if page.samplesperpixel not in (3, 4):
        raise InputError(f"{path} has {page.samplesperpixel} channels, not RGB or RGBA.", _AS_RGB)
    if page.planarconfig != 1:
        raise InputError(f"{path} stores its channels in separate planes.", "Save it with interleaved channels.")
    if page.imagedepth != 1 or page.tiledepth not in (0, 1):
        raise InputError(f"{path} is a volume.", "Save one plane alone.")
    if page.compression not in COMPRESSIONS:
        raise InputError(
            f"{path} is compressed by method {int(page.compression)}, which is not read.",
            "Save it uncompressed, or with Deflate, LZW, JPEG or JPEG 2000.",
        )
    if kind == "YCbCr" and page.compression != JPEG:
        raise InputError(f"{path} is YCbCr without JPEG compression.", _AS_RGB)
    if page.predictor not in (1, 2):
        raise InputError(f"{path} uses predictor {int(page.predictor)}, which is not read.", "Save it without.")
    if page.tags.valueof(_ORIENTATION_TAG, default=1) not in _UPRIGHT:
        raise InputError(f"{path} is stored turned or mirrored.", "Save it upright (Orientation 1).")


def _check_segments(path: str, page: TiffPage, file_bytes: int) -> None:
    """Every strip or tile is there, holds something, and lies inside the file."""
    width, height = segment_size(page)
    if width < 1 or height < 1 or (page.is_tiled and width * height > MAX_TILE_PIXELS):
        raise InputError(f"{path} is damaged: it declares tiles of {width} x {height} px.", "Export it again.")
    expected = -(-page.imagewidth // width) * -(-page.imagelength // height)
    if len(page.dataoffsets) != expected or len(page.databytecounts) != expected:
        raise InputError(f"{path} is damaged: some of its {expected} strips or tiles are missing.", "Export it again.")
    for index, (offset, length) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
        if offset < 1 or length < 1:
            raise InputError(f"{path} is damaged: strip or tile {index} is empty.", "Export it again.")
        if offset + length > file_bytes:
            raise InputError(
                f"{path} is cut short: strip or tile {index} ends at byte {offset + length} of {file_bytes}.",
                "Copy or export it again.",
            )

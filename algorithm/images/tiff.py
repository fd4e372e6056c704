"""TIFF and BigTIFF, tiled or in strips: segments are decoded one by one as windows ask for them."""

import logging
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import numpy as np
from tifffile import TiffPage

from algorithm.images.base import Image, Pixels, reading
from algorithm.images.cache import SegmentCache
from algorithm.images.codestreams import jpeg2000_frame, jpeg_frame
from algorithm.images.limits import CACHE_BYTES
from algorithm.images.spacing import SpacingRule, choose_spacing
from algorithm.images.tiff_header import (
    APERIO_JPEG2000,
    JPEG,
    JPEG2000,
    read_page,
    segment_size,
    spacing_tag_um,
)

# What tifffile logs about a file is either harmless or refused here with a reason: nothing on stderr by default.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def open_tiff(path: Path, rule: SpacingRule, max_pixels: int) -> "TiffImage":
    """The one region in a TIFF; its spacing is the resolution tags. Raises InputError."""
    file = path.open("rb")
    try:
        with reading(path, "its header"):
            return TiffImage(path, file, read_page(path, file, max_pixels), rule)
    except BaseException:
        file.close()
        raise


def open_page(path: Path, page: TiffPage, rule: SpacingRule, name: str) -> "TiffImage":
    """A page of a TIFF that was checked before. Raises InputError."""
    file = path.open("rb")
    try:
        with reading(name, "its header"):
            return TiffImage(path, file, page, rule, name)
    except BaseException:
        file.close()
        raise


class TiffImage(Image):
    """A page of a TIFF, in a file of its own to close. Uncompressed data carries no checksum: its damage is not seen.

    page: checked by tiff_header. name: what messages call it, by default the path.
    """

    def __init__(self, path: Path, file: BinaryIO, page: TiffPage, rule: SpacingRule, name: str | None = None) -> None:
        self._name = name or str(path)
        self._file = file
        self._page = page
        self._decode_data = page.decode
        self._jpeg_tables = page.jpegtables
        spacing = choose_spacing(self._name, spacing_tag_um(page), rule)
        super().__init__(path, page.imagewidth, page.imagelength, spacing)
        self._segment_width, self._segment_height = segment_size(page)
        self._columns = -(-self.width // self._segment_width)
        self._file_lock = Lock()
        self._cache = SegmentCache(self._decode, CACHE_BYTES)

    def close(self) -> None:
        self._cache.clear()
        self._file.close()

    def _read(self, x: int, y: int, width: int, height: int) -> Pixels:
        window = np.empty((height, width, 3), np.uint8)
        for row in range(y // self._segment_height, (y + height - 1) // self._segment_height + 1):
            for column in range(x // self._segment_width, (x + width - 1) // self._segment_width + 1):
                segment = self._cache.get(row * self._columns + column)
                left, top = column * self._segment_width, row * self._segment_height
                x0, x1 = max(x, left), min(x + width, left + segment.shape[1])
                y0, y1 = max(y, top), min(y + height, top + segment.shape[0])
                window[y0 - y : y1 - y, x0 - x : x1 - x] = segment[y0 - top : y1 - top, x0 - left : x1 - left]
        return window

    def _decode(self, index: int) -> Pixels:
        """Segment `index`, cut to the image: (height, width, 3)."""
        row, column = divmod(index, self._columns)
        height = min(self._segment_height, self.height - row * self._segment_height)
        width = min(self._segment_width, self.width - column * self._segment_width)
        with reading(self._name, f"strip or tile {index}"):
            data = self._data(index)
            self._check_frame(data)
            decoded, _, _ = self._decode_data(data, index, jpegtables=self._jpeg_tables)
            if decoded is None or decoded.dtype != np.uint8:
                raise ValueError("no 8-bit pixels")
            segment: Pixels = decoded[0, :height, :width, :3]
            if segment.shape != (height, width, 3):
                raise ValueError(f"{segment.shape[1]} x {segment.shape[0]} px instead of {width} x {height}")
        return np.ascontiguousarray(segment)

    def _data(self, index: int) -> bytes:
        length = self._page.databytecounts[index]
        with self._file_lock:
            self._file.seek(self._page.dataoffsets[index])
            data = self._file.read(length)
        if len(data) != length:
            raise ValueError("the file has become shorter")
        return data

    def _check_frame(self, data: bytes) -> None:
        """The stream of an image codec declares no more than its segment has. Raises ValueError."""
        if self._page.compression == JPEG:
            frame = jpeg_frame(data)
        elif self._page.compression in (JPEG2000, APERIO_JPEG2000):
            frame = jpeg2000_frame(data)
        else:
            return
        if frame.channels != self._page.samplesperpixel:
            raise ValueError(f"{frame.channels} channels instead of {self._page.samplesperpixel}")
        if not (0 < frame.width <= self._segment_width and 0 < frame.height <= self._segment_height):
            raise ValueError(f"{frame.width} x {frame.height} px in a strip or tile of {self._segment_width} wide")

"""Stacks of patches: a TIFF of many pages, a MetaImage of many planes, a folder of images, or a single image."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from algorithm.contract import PATCH_SPACING_UM
from algorithm.errors import InputError
from algorithm.images import MHA_START, TIFF_STARTS, open_by_rule, read_start
from algorithm.images.base import Image, Pixels, reading
from algorithm.images.limits import MAX_STACK_PIXELS
from algorithm.images.mha import read_planes, read_volume
from algorithm.images.spacing import SpacingRule, choose_spacing
from algorithm.images.tiff import open_page
from algorithm.images.tiff_header import page_name, read_pages
from algorithm.images.whole import WholeImage

SUFFIXES = (".jpeg", ".jpg", ".mha", ".png", ".tif", ".tiff")
"""What the images in a folder are called; other files there are left alone."""


class Stack(ABC):
    """An open stack: how many pages it has, and each as an image, to be closed by whoever takes it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def pages(self) -> Iterator[Image]:
        """The pages in their order, one at a time. Raises InputError for damage."""

    def close(self) -> None:  # noqa: B027  most have nothing to let go of
        """Let go of the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_stack(path: Path, spacing_um: float | None = None, max_pixels: int = MAX_STACK_PIXELS) -> Stack:
    """Open a file or a folder as a stack; 8-bit RGB or RGBA, whose alpha is dropped.

    Headers alone are read, of a folder none; `max_pixels` is of all pages together, in a folder of each image.
    `spacing_um` (um/px) overrides the files' own, and where a page has none in 0.1-1.0 um/px it is 0.25, that of the
    challenge's patches. Raises InputError, SpacingError.
    """
    rule = SpacingRule(spacing_um, PATCH_SPACING_UM)
    if path.is_dir():
        return _Files(path, _images_in(path), rule, max_pixels)
    start = read_start(path)
    if start.startswith(TIFF_STARTS):
        return _TiffStack(path, rule, max_pixels)
    if start.startswith(MHA_START):
        return _MhaStack(path, rule, max_pixels)
    return _Files(path, [path], rule, max_pixels)


class _TiffStack(Stack):
    """A page a patch, decoded as they are asked for."""

    def __init__(self, path: Path, rule: SpacingRule, max_pixels: int) -> None:
        super().__init__(path)
        self._rule = rule
        self._file = path.open("rb")
        try:
            with reading(path, "its header"):
                self._pages = read_pages(path, self._file, max_pixels)
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        return len(self._pages)

    def pages(self) -> Iterator[Image]:
        for index, page in enumerate(self._pages):
            yield open_page(self.path, page, self._rule, page_name(self.path, index))

    def close(self) -> None:
        self._file.close()


class _MhaStack(Stack):
    """A plane a patch, along z."""

    def __init__(self, path: Path, rule: SpacingRule, max_pixels: int) -> None:
        super().__init__(path)
        self._volume = read_volume(path, max_pixels)
        self._spacing = choose_spacing(path, self._volume.tag_um, rule)

    def __len__(self) -> int:
        return self._volume.depth

    def pages(self) -> Iterator[Image]:
        with reading(self.path, "its pixels"):
            for plane in read_planes(self.path, self._volume):
                yield self._page(plane)

    def _page(self, plane: Pixels) -> Image:
        return WholeImage(self.path, self._volume.width, self._volume.height, self._spacing, lambda: plane)


class _Files(Stack):
    """An image file a patch."""

    def __init__(self, path: Path, files: list[Path], rule: SpacingRule, max_pixels: int) -> None:
        super().__init__(path)
        self._files = files
        self._rule = rule
        self._max_pixels = max_pixels

    def __len__(self) -> int:
        return len(self._files)

    def pages(self) -> Iterator[Image]:
        for file in self._files:
            yield open_by_rule(file, self._rule, self._max_pixels)


def _images_in(folder: Path) -> list[Path]:
    """The image files of a folder in the order that people count: patch2 before patch10."""
    try:
        files = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file()]
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be read: {error.strerror}.", "Check its permissions.") from error
    files = [path for path in files if not path.name.startswith(".")]
    if not files:
        raise InputError(
            f"The folder {folder} holds no image ({', '.join(SUFFIXES)}).", "Give one with patches, one an image."
        )
    return sorted(files, key=_as_counted)


def _as_counted(path: Path) -> tuple[list[tuple[int, str]], str]:
    """A key that compares digits as numbers; the name itself decides between 01 and 1."""
    parts = re.split(r"([0-9]+)", path.name.casefold())
    return [(int(part), "") if number % 2 else (0, part) for number, part in enumerate(parts)], path.name

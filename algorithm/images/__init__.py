"""Images: regions of tissue as RGB windows with a spacing, whatever file they come in."""

from collections.abc import Callable
from pathlib import Path

from algorithm.errors import InputError
from algorithm.images.base import Image
from algorithm.images.codestreams import JPEG_START
from algorithm.images.jpeg import open_jpeg
from algorithm.images.limits import MAX_PIXELS
from algorithm.images.mha import open_mha
from algorithm.images.png import PNG_START, open_png
from algorithm.images.tiff import TiffImage

__all__ = ["MAX_PIXELS", "Image", "open_image"]

# What a file begins with says what it is; its name does not.
_READERS: dict[bytes, Callable[[Path, float | None, int], Image]] = {
    b"II*\0": TiffImage,
    b"MM\0*": TiffImage,
    b"II+\0": TiffImage,
    b"MM\0+": TiffImage,
    PNG_START: open_png,
    JPEG_START: open_jpeg,
    b"ObjectType": open_mha,
}


def open_image(path: Path, spacing_um: float | None = None, max_pixels: int = MAX_PIXELS) -> Image:
    """Open a region: TIFF, BigTIFF, MetaImage, PNG or JPEG, 8-bit RGB or RGBA.

    Only the header is read; an image of more than `max_pixels` is refused by it. `spacing_um` (um/px) overrides the
    file's own spacing and is needed where the file has none in 0.1-1.0 um/px. Raises InputError, SpacingError.
    """
    try:
        with path.open("rb") as file:
            start = file.read(max(map(len, _READERS)))
    except OSError as error:
        raise InputError(
            f"{path} cannot be opened: {error.strerror}.", "Check the path and its permissions."
        ) from error
    for signature, reader in _READERS.items():
        if start.startswith(signature):
            return reader(path, spacing_um, max_pixels)
    raise InputError(f"{path} is no TIFF, MHA, PNG or JPEG.", "Give a region in one of these formats.")

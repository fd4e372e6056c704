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
from algorithm.images.spacing import SpacingRule
from algorithm.images.tiff import open_tiff

__all__ = ["MAX_PIXELS", "MHA_START", "TIFF_STARTS", "Image", "open_by_rule", "open_image", "read_start"]

TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MHA_START = b"ObjectType"

# What a file begins with says what it is; its name does not.
_READERS: dict[bytes, Callable[[Path, SpacingRule, int], Image]] = {
    **dict.fromkeys(TIFF_STARTS, open_tiff),
    PNG_START: open_png,
    JPEG_START: open_jpeg,
    MHA_START: open_mha,
}


def open_image(path: Path, spacing_um: float | None = None, max_pixels: int = MAX_PIXELS) -> Image:
    """Open a region: TIFF, BigTIFF, MetaImage, PNG or JPEG, 8-bit RGB or RGBA.

    Only the header is read; an image of more than `max_pixels` is refused by it. `spacing_um` (um/px) overrides the
    file's own spacing and is needed where the file has none in 0.1-1.0 um/px. Raises InputError, SpacingError.
    """
    return open_by_rule(path, SpacingRule(spacing_um), max_pixels)


def open_by_rule(path: Path, rule: SpacingRule, max_pixels: int) -> Image:
    """As `open_image`, where more is to be said of the spacing."""
    start = read_start(path)
    for signature, reader in _READERS.items():
        if start.startswith(signature):
            return reader(path, rule, max_pixels)
    raise InputError(f"{path} is no TIFF, MHA, PNG or JPEG.", "Give an image in one of these formats.")


def read_start(path: Path) -> bytes:
    """The first bytes of a file, enough to tell the formats apart; InputError where it cannot be opened."""
    try:
        with path.open("rb") as file:
            return file.read(max(map(len, _READERS)))
    except OSError as error:
        raise InputError(
            f"{path} cannot be opened: {error.strerror}.", "Check the path and its permissions."
        ) from error

"""What an image may be: how many pixels, how many micrometres each."""

from pathlib import Path

from algorithm.errors import InputError

MAX_PIXELS = 400_000_000
"""Pixels of a region; a larger one is refused from its header."""

MAX_STACK_PIXELS = 100_000_000
"""Pixels of all pages of a stack together: 6,000 patches of 128 x 128 px."""

MAX_TILE_PIXELS = 4096 * 4096
"""Pixels of one TIFF tile; no scanner writes more."""

MAX_DIRECTORIES = 64
"""Image directories of a TIFF: the image, its reduced copies, label and thumbnail stay far below."""

MAX_PAGES = 10_000
"""Image directories of a TIFF that is a stack of patches."""

CACHE_BYTES = 256 * 2**20
"""Decoded strips or tiles kept per open image."""

SPACING_RANGE_UM = (0.1, 1.0)
"""Micrometres per pixel that microscopy at 10x to 80x has; others are a screen's or a printer's resolution."""


def check_size(path: Path | str, width: int, height: int, max_pixels: int) -> None:
    """Refuse an image of no pixels or of more than `max_pixels`. Raises InputError."""
    if width < 1 or height < 1:
        raise InputError(f"{path} declares an empty image ({width} x {height} px).", "Export it again.")
    if width * height > max_pixels:
        raise InputError(
            f"{path} declares {width} x {height} px, more than the limit of {max_pixels} px.",
            "Cut the region out of the slide, or check that the file is what it claims to be.",
        )

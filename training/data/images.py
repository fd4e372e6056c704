"""Opening the images of data sets, some of which do not say how large their pixels are."""

from pathlib import Path

from algorithm.errors import SpacingError
from algorithm.images import MAX_PIXELS, Image, open_image


def open_data_image(path: Path, spacing_um: float | None, max_pixels: int = MAX_PIXELS) -> Image:
    """An image with its own spacing; with the one given (um/px) where it has none that is believable.

    Raises SpacingError where there is neither, InputError as `open_image`.
    """
    try:
        return open_image(path, max_pixels=max_pixels)
    except SpacingError:
        if spacing_um is None:
            raise
        return open_image(path, spacing_um, max_pixels)

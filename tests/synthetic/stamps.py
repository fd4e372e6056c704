"""A stamp: one cell or nucleus, drawn on its own and then laid over the slide."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from tests.synthetic.shapes import Array


@dataclass(frozen=True)
class Stamp:
    """Amounts to lay over a slide: cover (n, n) of 0 to 1, and planes (3, n, n), already times the cover; n odd."""

    cover: Array
    planes: Array

    def defocused(self, sigma: float) -> "Stamp":
        """The same a little above or below the plane of focus."""
        return Stamp(gaussian_filter(self.cover, sigma), gaussian_filter(self.planes, (0, sigma, sigma)))

    def over(self, below: "Stamp") -> "Stamp":
        """This one laid over another of the same size."""
        return Stamp(1 - (1 - self.cover) * (1 - below.cover), self.planes + below.planes * (1 - self.cover))


def stamp(cover: Array, haematoxylin: Array | float, eosin: Array | float, pigment: Array | float = 0.0) -> Stamp:
    """A stamp of these amounts where `cover` is 1."""
    amounts = np.stack([np.broadcast_to(amount, cover.shape) for amount in (haematoxylin, eosin, pigment)])
    return Stamp(cover, np.maximum(amounts, 0.0) * cover)


def lay(slide: Array, piece: Stamp, x: int, y: int) -> None:
    """Lay a stamp with its middle at (x, y) over a slide (3, height, width), in place; what hangs over is cut off."""
    radius = piece.cover.shape[0] // 2
    height, width = slide.shape[1:]
    top, bottom = max(y - radius, 0), min(y + radius + 1, height)
    left, right = max(x - radius, 0), min(x + radius + 1, width)
    if top >= bottom or left >= right:
        return
    inner = (slice(top - y + radius, bottom - y + radius), slice(left - x + radius, right - x + radius))
    window = slide[:, top:bottom, left:right]
    window *= 1.0 - piece.cover[inner]
    window += piece.planes[:, inner[0], inner[1]]

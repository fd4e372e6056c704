"""Nuclei, found by their haematoxylin without any training: where a mitotic figure may be.

The way of MitDet ("Rethinking Mitosis Detection", its section on nuclei): half the resolution, stains told apart, a
threshold on haematoxylin, what is too small left out.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algorithm.detectors.components import Band, Component, ComponentStream
from algorithm.detectors.masks import ROUNDING
from algorithm.detectors.reduced import ReducedView
from algorithm.images.resampled import ResampledImage
from algorithm.nuclei_manifest import CandidateSettings
from algorithm.prefetch import ahead
from algorithm.stain import estimate_stains, optical_density, sparse_concentrations
from algorithm.tissue import BLOCK_PX, TissueMap, tissue_pixels
from algorithm.windows import sampled_windows

RESOLUTION_UM = 0.5
"""At which nuclei are looked for, or the nearest to it that halving the view reaches."""
SPARSITY = 0.01  # of the amounts of stain in a pixel: MitDet's lambda
PERCENTILE = 99.9
BLOCK_WIDTH, BAND_HEIGHT = 1024, 256  # reduced px read at once, and of the rows whose components are joined


def candidates(
    view: ResampledImage, settings: CandidateSettings, tissue: TissueMap, seed: int = 0
) -> NDArray[np.float64]:
    """The centres of nuclei (N, 2), x then y, px at level 0: of the upright boxes around them, from above.

    The stains (from at most 20,000 pixels) and the threshold are estimated once, from windows all over the tissue; then
    bands of blocks are read where there is tissue, and components joined across bands: the result does not depend on
    where blocks meet, and memory is bounded by the width of the view times the height of a band. Raises InputError for
    damage.
    """
    reduced = ReducedView(view, max(0, round(math.log2(RESOLUTION_UM / view.spacing_um))))
    if not tissue.blocks.any():
        return np.empty((0, 2))
    stain = _NuclearStain.of(reduced, settings, tissue, seed)
    minimum_px = settings.minimum_area_um2 / (view.spacing_um * reduced.scale) ** 2
    stream, found, y = ComponentStream(reduced.width), list[Component](), 0
    for mask in ahead(_masks(reduced, stain, tissue), 1):
        nothing = np.empty((0, *mask.shape), np.float32)
        found += stream.push(Band(mask, mask, mask, nothing, y, corners=False))
        y += len(mask)
    found += stream.finish()
    centres = [nucleus.centre("box") for nucleus in found if nucleus.area >= minimum_px - ROUNDING]
    points = np.array(centres, np.float64).reshape(-1, 2) * reduced.scale
    ordered = points[np.lexsort((points[:, 0], points[:, 1]))]
    return np.maximum(view.to_level0(ordered), 0)  # a finer view has pixel centres left of the first pixel's


@dataclass(frozen=True, eq=False)
class _NuclearStain:
    """Stain vectors of a region, (2, 3), and how much haematoxylin a pixel has that belongs to a nucleus."""

    vectors: NDArray[np.float64]
    least: float

    @classmethod
    def of(cls, reduced: ReducedView, settings: CandidateSettings, tissue: TissueMap, seed: int) -> "_NuclearStain":
        """Estimated at the resolution at which nuclei are looked for."""
        pixels = sampled_pixels(reduced, tissue, seed)
        vectors = estimate_stains(pixels, settings.stain_model, seed).vectors
        amounts = haematoxylin(pixels[tissue_pixels(pixels)], vectors)
        if not len(amounts):
            return cls(vectors, math.inf)
        reference = amounts.max() if settings.reference == "maximum" else np.percentile(amounts, PERCENTILE)
        return cls(vectors, settings.share * float(reference))

    def holds(self, pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which of the pixels (H, W, 3) belong to nuclei."""
        return haematoxylin(pixels, self.vectors) > self.least


def sampled_pixels(reduced: ReducedView, tissue: TissueMap, seed: int) -> NDArray[np.uint8]:
    """The pixels (N, 3) of windows all over the tissue of a view, reduced."""
    parts = []
    for x, y, width, height in sampled_windows(tissue.width, tissue.height, seed, tissue):
        left, top = x // reduced.scale, y // reduced.scale
        right, bottom = -(-(x + width) // reduced.scale), -(-(y + height) // reduced.scale)
        parts.append(reduced.read(left, top, right - left, bottom - top).reshape(-1, 3))
    return np.concatenate(parts)


def haematoxylin(pixels: NDArray[np.uint8], vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of the first stain RGB pixels (..., 3) hold, by sparse amounts."""
    density = optical_density(pixels).reshape(-1, 3)
    return sparse_concentrations(density, vectors, SPARSITY)[:, 0].reshape(pixels.shape[:-1])


def _masks(reduced: ReducedView, stain: _NuclearStain, tissue: TissueMap) -> Iterator[NDArray[np.bool_]]:
    """The pixels of nuclei, band by band from above; only what lies in a block of tissue is read and counts."""
    side = BLOCK_PX // reduced.scale
    for top in range(0, reduced.height, BAND_HEIGHT):
        rows = slice(top, min(top + BAND_HEIGHT, reduced.height))
        blocks = tissue.blocks[top // side : -(-rows.stop // side)]
        mask = blocks.repeat(side, axis=0).repeat(side, axis=1)[: rows.stop - top, : reduced.width]
        for left in range(0, reduced.width, BLOCK_WIDTH):
            block = mask[:, left : left + BLOCK_WIDTH]
            if block.any():
                block &= stain.holds(reduced.read(left, top, block.shape[1], block.shape[0]))
        yield mask

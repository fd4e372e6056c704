"""From rows of probability to mitotic figures and candidates."""

import math

import numpy as np
from numpy.typing import NDArray

from algorithm.detections import Detections
from algorithm.detectors.bands import Lookahead, Neighbourhood
from algorithm.detectors.components import Band, Component, ComponentStream
from algorithm.detectors.masks import dilated, without_small
from algorithm.manifest import Postprocess

MINIMUM_ROWS = 64  # fewer new rows than this are not worth a pass over them and their neighbours
BELOW = 1e-6  # how far under the threshold a component is held that fails by its area alone


class FigureFinder:
    """Takes bands of probability (M, H, W) from above; width in px, spacing_um of the view.

    A mitotic figure is a component at the threshold; a candidate is one at the lower threshold that holds no figure.
    Small components are dropped and the rest dilated before they are joined. The halo of rows makes that exact: a
    component below the minimum area spans fewer rows than it has pixels.
    """

    def __init__(self, width: int, members: int, postprocess: Postprocess, spacing_um: float) -> None:
        self._members = members
        self._postprocess = postprocess
        self._radius_px = postprocess.dilation_radius_um / spacing_um
        self._minimum_px = postprocess.minimum_area_um2 / spacing_um**2
        self._lookahead = Lookahead(math.ceil(self._radius_px) + math.ceil(self._minimum_px), MINIMUM_ROWS)
        self._y = 0
        self._streams = ComponentStream(width), ComponentStream(width)
        self._figures: list[Component] = []
        self._candidates: list[Component] = []

    def push(self, band: NDArray[np.float32]) -> None:
        """Take the next rows (M, H, W); the mean of the members does not depend on their order."""
        mean = band.mean(axis=0, dtype=np.float64).astype(np.float32)
        self._search(self._lookahead.push(np.concatenate((mean[None], band))))

    def finish(self) -> Detections:
        """All that was found, points in px of the view."""
        self._search(self._lookahead.finish())
        figures, candidates = self._streams
        self._keep(figures.finish(), candidates.finish())
        found = self._figures + self._candidates
        points = np.array([component.centre(self._postprocess.centre) for component in found]).reshape(-1, 2)
        peaks = np.array([component.peaks for component in found], dtype=np.float64).reshape(-1, 1 + self._members)
        below_threshold = np.arange(len(found)) >= len(self._figures)
        scores = np.where(below_threshold, np.minimum(peaks[:, 0], self._postprocess.threshold - BELOW), peaks[:, 0])
        return Detections(points, scores, peaks[:, 1:])

    def _search(self, neighbourhood: Neighbourhood | None) -> None:
        if neighbourhood is None:
            return
        rows, core = neighbourhood
        figures, grown_figures = self._masks(rows[0], self._postprocess.threshold)
        candidates, grown_candidates = self._masks(rows[0], self._postprocess.lower_threshold)
        marks, values = figures[core], rows[:, core]
        stream, lower_stream = self._streams
        self._keep(
            stream.push(Band(grown_figures[core], marks, marks, values, self._y)),
            lower_stream.push(Band(grown_candidates[core], candidates[core], marks, values, self._y)),
        )
        self._y += core.stop - core.start

    def _masks(self, mean: NDArray[np.float32], threshold: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The components of sufficient area at a threshold, and these dilated."""
        kept = without_small(mean >= np.float64(threshold), self._minimum_px)
        return kept, dilated(kept, self._radius_px)

    def _keep(self, figures: list[Component], candidates: list[Component]) -> None:
        self._figures += figures
        self._candidates += [component for component in candidates if not component.marked]

"""Connected components of a mask that arrives in bands of rows and is never whole.

A component is open while it touches the last row seen. Open components are all that is kept between bands, each as its
hull, its sums and its peaks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from algorithm.detectors.geometry import Point, box_centre, convex_hull, smallest_rectangle_centre
from algorithm.detectors.masks import EIGHT_NEIGHBOURS, FOUR_NEIGHBOURS, labelled
from algorithm.manifest import Centre


@dataclass(frozen=True, eq=False)
class Component:
    """A connected component of a mask, or the part of it seen so far.

    hull: corners in px of the view. area: px. sum_x, sum_y: of its pixels' places, px.
    peaks: (C,) float32, the highest value of each channel over its core. marked: whether it holds a marked pixel.
    """

    hull: list[Point]
    area: int
    sum_x: int
    sum_y: int
    peaks: NDArray[np.float32]
    marked: bool

    def centre(self, kind: Centre) -> tuple[float, float]:
        """Its centre (x, y), px: of the smallest rectangle however turned, of the upright box, or of its mass."""
        if kind == "rectangle":
            return smallest_rectangle_centre(self.hull)
        if kind == "box":
            return box_centre(self.hull)
        return self.sum_x / self.area, self.sum_y / self.area


def joined(parts: Sequence[Component]) -> Component:
    """One component out of its parts."""
    if len(parts) == 1:
        return parts[0]
    return Component(
        hull=convex_hull([corner for part in parts for corner in part.hull]),
        area=sum(part.area for part in parts),
        sum_x=sum(part.sum_x for part in parts),
        sum_y=sum(part.sum_y for part in parts),
        peaks=np.max([part.peaks for part in parts], axis=0),
        marked=any(part.marked for part in parts),
    )


class Band:
    """Rows of a mask with what is measured on them.

    mask: (H, W) bool. core: (H, W) bool, the part of the mask over which peaks are taken (0 where it is empty).
    marks: (H, W) bool. values: (C, H, W) float32. y: the place of the first row, px. corners: whether pixels that touch
    at a corner alone hang together.
    """

    def __init__(
        self,
        mask: NDArray[np.bool_],
        core: NDArray[np.bool_],
        marks: NDArray[np.bool_],
        values: NDArray[np.float32],
        y: int,
        corners: bool = True,
    ) -> None:
        self.labels, self._count = labelled(mask, EIGHT_NEIGHBOURS if corners else FOUR_NEIGHBOURS)
        self.corners = corners
        self._mask, self._core, self._marks, self._values, self._y = mask, core, marks, values, y

    def components(self) -> list[Component]:
        """The component of each label, from label 1 on."""
        if self._count == 0:
            return []
        rows, columns = np.nonzero(self._mask)
        labels = np.asarray(self.labels[rows, columns] - 1, dtype=np.intp)
        area, sum_x, sum_y = (
            np.bincount(labels, weights, self._count).astype(np.int64) for weights in (None, columns, rows + self._y)
        )
        marked = np.bincount(self._labels_of(self._marks), minlength=self._count) > 0
        outlines = self._outlines(labels, rows, columns)
        peaks = self._peaks()
        return [
            Component(convex_hull(outlines[i]), int(area[i]), int(sum_x[i]), int(sum_y[i]), peaks[i], bool(marked[i]))
            for i in range(self._count)
        ]

    def _labels_of(self, mask: NDArray[np.bool_]) -> NDArray[np.intp]:
        labels = self.labels[mask]
        return np.asarray(labels[labels > 0] - 1, dtype=np.intp)

    def _peaks(self) -> NDArray[np.float32]:
        peaks = np.zeros((self._count, len(self._values)), np.float32)
        core = self._core & (self.labels > 0)
        labels = self._labels_of(core)
        for channel, values in enumerate(self._values):
            np.maximum.at(peaks[:, channel], labels, values[core])
        return peaks

    def _outlines(
        self, labels: NDArray[np.intp], rows: NDArray[np.intp], columns: NDArray[np.intp]
    ) -> list[list[Point]]:
        """The first and the last pixel of every row of every component: no other can be a corner of its hull."""
        order = np.argsort(labels, kind="stable")
        labels, rows, columns = labels[order], rows[order], columns[order]
        change = (np.diff(labels) != 0) | (np.diff(rows) != 0)
        ends = np.append(change, True) | np.insert(change, 0, True)
        outlines: list[list[Point]] = [[] for _ in range(self._count)]
        for label, x, y in zip(
            labels[ends].tolist(), columns[ends].tolist(), (rows[ends] + self._y).tolist(), strict=True
        ):
            outlines[label].append((x, y))
        return outlines


class ComponentStream:
    """Takes a mask band by band from above and hands out each component once no later row can reach it."""

    def __init__(self, width: int) -> None:
        self._open: list[Component] = []
        self._last_row = np.zeros(width, dtype=np.intp)  # the number of the open component at each pixel, from 1

    def push(self, band: Band) -> list[Component]:
        """The components that the band, or the end of the one before, completes."""
        parts = self._open + band.components()
        if not parts:
            return []
        first, last = (np.where(row > 0, row + len(self._open), 0) for row in (band.labels[0], band.labels[-1]))
        count, groups = _groups(self._last_row, first, len(parts), band.corners)
        members: list[list[Component]] = [[] for _ in range(count)]
        for part, group in zip(parts, groups.tolist(), strict=True):
            members[group].append(part)
        components = [joined(group) for group in members]
        still_open = np.unique(groups[last[last > 0] - 1])
        self._last_row = np.where(last > 0, np.searchsorted(still_open, groups[last - 1]) + 1, 0)
        self._open = [components[group] for group in still_open]
        return [components[group] for group in np.setdiff1d(np.arange(count), still_open)]

    def finish(self) -> list[Component]:
        """The components that the last band left open."""
        left, self._open = self._open, []
        self._last_row = np.zeros_like(self._last_row)
        return left


def _groups(
    above: NDArray[np.intp], below: NDArray[np.intp], parts: int, corners: bool
) -> tuple[int, NDArray[np.intp]]:
    """Which of the parts belong together where two rows of part numbers (from 1, 0 for none) touch."""
    touching = [np.stack((above, below))]
    if corners:
        touching += [np.stack((above[1:], below[:-1])), np.stack((above[:-1], below[1:]))]
    pairs = np.concatenate(touching, axis=1)
    upper, lower = pairs[:, (pairs > 0).all(axis=0)] - 1
    links = coo_array((np.ones(len(upper), dtype=np.int8), (upper, lower)), shape=(parts, parts))
    count, groups = connected_components(links, directed=False)
    return int(count), np.asarray(groups, dtype=np.intp)

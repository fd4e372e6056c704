"""Convex hulls and rectangles of pixel sets, exact in whole numbers as far as they go."""

import numpy as np
from numpy.typing import NDArray

Point = tuple[int, int]


def convex_hull(points: list[Point]) -> list[Point]:
    """The corners of the convex hull of one or more points, from the smallest (x, y) around.

    One corner where all points are the same, two where they lie on a line. Andrew's monotone chain.
    """
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return ordered
    return _half_hull(ordered)[:-1] + _half_hull(ordered[::-1])[:-1]


def _half_hull(ordered: list[Point]) -> list[Point]:
    hull: list[Point] = []
    for x, y in ordered:
        while len(hull) > 1:
            (ax, ay), (bx, by) = hull[-2:]
            if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                break
            hull.pop()
        hull.append((x, y))
    return hull


def smallest_rectangle_centre(hull: list[Point]) -> tuple[float, float]:
    """The centre (x, y) of the rectangle of least area, however turned, around a convex hull.

    Such a rectangle shares a side with the hull. Of rectangles of the same area the one on the first side counts, so
    that the centre moves with the hull and does not hang on rounding.
    """
    start = np.array(hull[0])
    corners = (np.array(hull) - start).astype(np.float64)
    if len(hull) < 3:
        x, y = start + corners.mean(axis=0)
        return float(x), float(y)
    sides = np.roll(corners, -1, axis=0) - corners
    along = sides / np.hypot(sides[:, 0], sides[:, 1])[:, None]
    across = np.stack((-along[:, 1], along[:, 0]), axis=1)
    low_along, high_along = _extent(corners, along)
    low_across, high_across = _extent(corners, across)
    area = (high_along - low_along) * (high_across - low_across)
    best = int(np.argmin(np.round(area, 6)))
    centre = along[best] * (low_along + high_along)[best] / 2 + across[best] * (low_across + high_across)[best] / 2
    return float(start[0] + centre[0]), float(start[1] + centre[1])


def _extent(
    corners: NDArray[np.float64], directions: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    reach = corners @ directions.T
    return reach.min(axis=0), reach.max(axis=0)


def box_centre(hull: list[Point]) -> tuple[float, float]:
    """The centre (x, y) of the upright rectangle around a convex hull."""
    xs, ys = zip(*hull, strict=True)
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2

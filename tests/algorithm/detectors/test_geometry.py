import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull, QhullError

from algorithm.detectors.geometry import box_centre, convex_hull, smallest_rectangle_centre

points = st.lists(st.tuples(st.integers(-30, 30), st.integers(-30, 30)), min_size=1, max_size=40)


@settings(max_examples=300, deadline=None)
@given(points)
def test_the_hull_is_that_of_qhull(cloud: list[tuple[int, int]]) -> None:
    hull = convex_hull(cloud)
    assert hull[0] == min(cloud)
    try:
        expected = ConvexHull(np.array(cloud))
    except (QhullError, ValueError):
        assert len(hull) == min(2, len(set(cloud)))
        return
    assert set(hull) == {cloud[i] for i in expected.vertices}


@settings(max_examples=50, deadline=None)
@given(points.filter(lambda cloud: len(convex_hull(cloud)) > 2))
def test_no_turned_rectangle_is_smaller(cloud: list[tuple[int, int]]) -> None:
    """Of the rectangles at 360 angles, none is smaller than the best one centred where the answer is."""
    corners = np.array(convex_hull(cloud), float)
    centre = np.array(smallest_rectangle_centre(convex_hull(cloud)))
    sides = np.roll(corners, -1, axis=0) - corners
    own = np.arctan2(sides[:, 1], sides[:, 0])
    any_angle = np.concatenate((np.linspace(0, math.pi / 2, 360, endpoint=False), own))
    areas, centres = zip(*(rectangle(corners, angle) for angle in any_angle), strict=True)
    best = [place for area, place in zip(areas, centres, strict=True) if area <= min(areas) + 1e-5]
    assert min(np.linalg.norm(place - centre) for place in best) < 1e-6


def rectangle(corners: np.ndarray, angle: float) -> tuple[float, np.ndarray]:
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    low, high = (corners @ turn.T).min(axis=0), (corners @ turn.T).max(axis=0)
    return float(np.prod(high - low)), (low + high) / 2 @ turn


@pytest.mark.parametrize(
    ("cloud", "centre"),
    [
        ([(7, -2)], (7, -2)),
        ([(0, 0), (10, 4)], (5, 2)),
        ([(0, 0), (5, 2), (10, 4)], (5, 2)),
        ([(0, 0), (8, 0), (8, 4), (0, 4)], (4, 2)),
        ([(0, 4), (4, 0), (10, 6), (6, 10)], (5, 5)),  # a rectangle turned by 45 degrees
        ([(0, 0), (12, 0), (0, 5)], (6, 2.5)),  # on its legs 60, on its hypotenuse 60 as well: the first side counts
    ],
)
def test_closed_forms(cloud: list[tuple[int, int]], centre: tuple[float, float]) -> None:
    assert smallest_rectangle_centre(convex_hull(cloud)) == pytest.approx(centre, abs=1e-9)


@given(points, st.integers(-10_000, 10_000), st.integers(-10_000, 10_000))
def test_centres_move_with_the_points(cloud: list[tuple[int, int]], dx: int, dy: int) -> None:
    moved = [(x + dx, y + dy) for x, y in cloud]
    for centre_of in (smallest_rectangle_centre, box_centre):
        x, y = centre_of(convex_hull(cloud))
        assert centre_of(convex_hull(moved)) == pytest.approx((x + dx, y + dy), abs=1e-9)


def test_box_centre() -> None:
    assert box_centre([(0, 0), (9, 1), (2, 6)]) == (4.5, 3)

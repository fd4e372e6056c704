from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from algorithm.detectors.components import Band, Component, ComponentStream
from algorithm.detectors.geometry import convex_hull


def streamed(
    mask: np.ndarray, core: np.ndarray, marks: np.ndarray, values: np.ndarray, cuts: list[int], corners: bool = True
) -> list[Component]:
    stream = ComponentStream(mask.shape[1])
    found = []
    edges = [0, *sorted(set(cuts) - {0, len(mask)}), len(mask)]
    for top, bottom in pairwise(edges):
        rows = slice(top, bottom)
        found += stream.push(Band(mask[rows], core[rows], marks[rows], values[:, rows], top, corners))
    return found + stream.finish()


def of_the_whole_map(
    mask: np.ndarray, core: np.ndarray, marks: np.ndarray, values: np.ndarray, corners: bool
) -> list[Component]:
    labels, count = ndimage.label(mask, np.ones((3, 3)) if corners else None)
    found = []
    for label in range(1, count + 1):
        own = labels == label
        rows, columns = np.nonzero(own)
        peaks = [channel[own & core].max(initial=0) for channel in values]
        hull = convex_hull(list(zip(columns.tolist(), rows.tolist(), strict=True)))
        found.append(
            Component(hull, own.sum(), columns.sum(), rows.sum(), np.array(peaks, np.float32), (own & marks).any())
        )
    return found


def contents(components: list[Component]) -> list[tuple]:
    return sorted((c.hull, c.area, c.sum_x, c.sum_y, c.peaks.tolist(), c.marked) for c in components)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(1, 30),
    st.integers(1, 30),
    st.sampled_from([0.1, 0.3, 0.5, 0.7]),
    st.lists(st.integers(1, 29), max_size=12),
    st.booleans(),
)
def test_streamed_components_are_those_of_the_whole_map(
    seed: int, width: int, height: int, density: float, cuts: list[int], corners: bool
) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((height, width)) < density
    core = mask & (rng.random((height, width)) < 0.6)
    marks = rng.random((height, width)) < 0.05
    values = rng.random((2, height, width), dtype=np.float32)
    cuts = [cut for cut in cuts if cut < height]
    expected = of_the_whole_map(mask, core, marks, values, corners)
    assert contents(streamed(mask, core, marks, values, cuts, corners)) == contents(expected)


def test_arms_that_meet_below_are_one_component() -> None:
    """A comb: its teeth are apart for many bands and one in the last."""
    mask = np.zeros((40, 21), bool)
    mask[:, ::4] = True
    mask[39] = True
    values = np.linspace(0, 1, mask.size, dtype=np.float32).reshape(1, *mask.shape)
    (comb,) = streamed(mask, mask, mask, values, list(range(1, 40)))
    assert comb.hull == [(0, 0), (20, 0), (20, 39), (0, 39)]
    assert comb.area == mask.sum()
    assert comb.peaks.tolist() == [1.0]


def test_a_component_is_handed_out_by_the_band_that_passes_it() -> None:
    mask = np.zeros((3, 5), bool)
    mask[1, 1:3] = True
    values = np.ones((1, 1, 5), np.float32)
    stream = ComponentStream(5)
    counts = [len(stream.push(Band(row[None], row[None], row[None], values, y))) for y, row in enumerate(mask)]
    assert counts == [0, 0, 1]
    assert stream.finish() == []


def test_kinds_of_centre() -> None:
    component = Component([(0, 0), (12, 0), (0, 6)], 4, 10, 6, np.ones(1, np.float32), False)
    assert component.centre("box") == (6, 3)
    assert component.centre("centroid") == (2.5, 1.5)
    assert component.centre("rectangle") == pytest.approx((6, 3))

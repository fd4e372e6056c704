import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithm.size import Size
from algorithm.tiles import TileGrid, blend_weights, origins, read_tile, stride_px
from algorithm.tissue import BLOCK_PX, TissueMap
from tests.arrays import view_of

lengths = st.integers(1, 3000)
sides = st.integers(1, 600)
overlaps = st.floats(0, 0.95)
small_tiles = st.builds(Size, st.integers(1, 80), st.integers(1, 80))


@settings(max_examples=2000, deadline=None)
@given(lengths, sides, overlaps)
def test_tiles_cover_a_side_with_as_few_as_possible(length: int, tile: int, overlap: float) -> None:
    stride, _ = stride_px(Size.square(tile), overlap)
    starts = origins(length, tile, stride)
    assert starts == sorted(set(starts))
    assert starts[0] == 0
    assert starts[-1] == max(0, length - tile)
    assert all(second - first <= stride <= tile for first, second in pairwise(starts))
    assert len(starts) == 1 + max(0, math.ceil((length - tile) / stride))


@pytest.mark.parametrize(
    ("width", "height", "count"), [(800, 600, 4 * 2), (1024, 1024, 7 * 7), (1500, 1500, 11 * 11), (7215, 5412, 3350)]
)
def test_known_regions_at_the_published_overlap(width: int, height: int, count: int) -> None:
    stride = stride_px(Size.square(512), 0.8)
    assert stride == (102, 102)
    assert len(origins(width, 512, stride.width)) * len(origins(height, 512, stride.height)) == count


@pytest.mark.parametrize("tile", [Size(1920, 1280), Size(1280, 1920)])
def test_rectangles_share_as_many_pixels_along_both_sides(tile: Size) -> None:
    """A tenth of the shorter one, 128 px."""
    assert stride_px(tile, 0.1) == (tile.width - 128, tile.height - 128)


@settings(max_examples=200, deadline=None)
@given(st.builds(Size, sides, sides), overlaps)
def test_tiles_of_any_shape_step_on_and_leave_nothing_out(tile: Size, overlap: float) -> None:
    stride = stride_px(tile, overlap)
    assert all(1 <= step <= side for step, side in zip(stride, tile, strict=True))
    assert tile.width - stride.width == tile.height - stride.height


@pytest.mark.parametrize(("tile", "overlap", "stride"), [(10, 0.8, 2), (256, 0.75, 64), (512, 0, 512), (4, 0.95, 1)])
def test_stride_is_not_moved_by_rounding(tile: int, overlap: float, stride: int) -> None:
    assert stride_px(Size.square(tile), overlap) == (stride, stride)


@pytest.mark.parametrize("overlap", [-0.1, 1.0, math.nan])
def test_an_overlap_must_leave_a_step(overlap: float) -> None:
    with pytest.raises(ValueError, match="overlap"):
        stride_px(Size.square(512), overlap)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), small_tiles, overlaps, st.randoms(use_true_random=False))
def test_a_grid_has_every_tile_that_holds_tissue_and_no_other(
    width: int, height: int, tile: Size, overlap: float, random
) -> None:
    shape = math.ceil(height / BLOCK_PX), math.ceil(width / BLOCK_PX)
    blocks = np.array([random.random() < 0.1 for _ in range(shape[0] * shape[1])]).reshape(shape)
    tissue = np.kron(blocks, np.ones((BLOCK_PX, BLOCK_PX), bool))[:height, :width].astype(bool)
    grid = TileGrid(width, height, tile, stride_px(tile, overlap), TissueMap(blocks, width, height, 0.25))
    run = {(x, y) for y, xs in grid.rows for x in xs}
    columns, rows = (origins(*sides) for sides in zip((width, height), tile, grid.stride, strict=True))
    everywhere = {(x, y) for y in rows for x in columns}
    touched = {(x, y) for x, y in everywhere if touches(tissue, x, y, tile)}
    assert touched <= run <= everywhere
    assert all(touches_block(blocks, x, y, tile) for x, y in run)
    assert (grid.with_tissue, grid.total) == (len(run), len(everywhere))


def touches(tissue: np.ndarray, x: int, y: int, tile: Size) -> bool:
    return bool(tissue[y : y + tile.height, x : x + tile.width].any())


def touches_block(blocks: np.ndarray, x: int, y: int, tile: Size) -> bool:
    return any(
        row * BLOCK_PX < y + tile.height
        and (row + 1) * BLOCK_PX > y
        and column * BLOCK_PX < x + tile.width
        and (column + 1) * BLOCK_PX > x
        for row, column in np.argwhere(blocks)
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.builds(Size, st.integers(1, 24), st.integers(1, 24)), overlaps)
def test_every_point_is_the_own_of_a_tile_that_holds_it_well(
    width: int, height: int, tile: Size, overlap: float
) -> None:
    """No nearer to a side where the tile was cut than half of what tiles have in common.

    It is one tile's alone, but where the last column or row is shifted back.
    """
    blocks = np.ones((math.ceil(height / BLOCK_PX), math.ceil(width / BLOCK_PX)), bool)
    grid = TileGrid(width, height, tile, stride_px(tile, overlap), TissueMap(blocks, width, height, 0.25))
    y, x = np.mgrid[-0.5 : height - 0.5 : 0.5, -0.5 : width - 0.5 : 0.5]  # pixel centres, and between them
    points = np.stack((x.ravel(), y.ravel()), axis=1)
    owners, margin = np.zeros(len(points), int), (tile.width - grid.stride.width) / 2
    for top, lefts in grid.rows:
        for left in lefts:
            start, end = np.array([left, top]), np.add((left, top), tile)
            own = grid.own((left, top), points)
            owners += own
            assert (points[own] + 0.5 >= np.where(start > 0, start + margin, 0)).all()
            assert (points[own] + 0.5 < np.where(end < (width, height), end - margin, (width, height))).all()
    assert owners.min() == 1
    steps = zip((width, height), tile, grid.stride, strict=True)
    columns, rows = (length > side and (length - side) % stride > 0 for length, side, stride in steps)
    assert owners.max() <= 2 ** (columns + rows)


@pytest.mark.parametrize(("width", "height"), [(5, 40), (40, 5), (1, 1), (7, 3), (16, 16)])
def test_a_small_view_is_padded_by_reflection(width: int, height: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    tile = read_tile(view_of(pixels), 0, 0, Size(16, 12))
    mirrored = [[reflected(place, length) for place in range(side)] for length, side in ((height, 12), (width, 16))]
    assert np.array_equal(tile, pixels[np.ix_(*mirrored)])


def reflected(place: int, length: int) -> int:
    period = max(1, 2 * (length - 1))
    return min(place % period, period - place % period) if length > 1 else 0


@pytest.mark.parametrize("tile", [Size(1, 1), Size(8, 8), Size(255, 64), Size(512, 512)])
def test_blending_weights(tile: Size) -> None:
    assert (blend_weights(tile, "uniform") == 1).all()
    gaussian = blend_weights(tile, "gaussian")
    assert gaussian.dtype == np.float32
    assert gaussian.min() > 0
    assert gaussian.shape == (tile.height, tile.width)
    assert np.allclose(gaussian, gaussian[::-1]) and np.allclose(gaussian, gaussian[:, ::-1])
    assert np.allclose(gaussian, blend_weights(Size(tile.height, tile.width), "gaussian").T)
    assert gaussian.max() == gaussian[tile.height // 2, tile.width // 2]

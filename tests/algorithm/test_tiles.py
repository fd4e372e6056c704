import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithm.tiles import TileGrid, blend_weights, origins, read_tile, stride_px
from algorithm.tissue import BLOCK_PX, TissueMap
from tests.arrays import view_of

lengths = st.integers(1, 3000)
tiles = st.integers(1, 600)
overlaps = st.floats(0, 0.95)


@settings(max_examples=2000, deadline=None)
@given(lengths, tiles, overlaps)
def test_tiles_cover_a_side_with_as_few_as_possible(length: int, tile: int, overlap: float) -> None:
    stride = stride_px(tile, overlap)
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
    stride = stride_px(512, 0.8)
    assert stride == 102
    assert len(origins(width, 512, stride)) * len(origins(height, 512, stride)) == count


@pytest.mark.parametrize(("tile", "overlap", "stride"), [(10, 0.8, 2), (256, 0.75, 64), (512, 0, 512), (4, 0.95, 1)])
def test_stride_is_not_moved_by_rounding(tile: int, overlap: float, stride: int) -> None:
    assert stride_px(tile, overlap) == stride


@pytest.mark.parametrize("overlap", [-0.1, 1.0, math.nan])
def test_an_overlap_must_leave_a_step(overlap: float) -> None:
    with pytest.raises(ValueError, match="overlap"):
        stride_px(512, overlap)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 80), overlaps, st.randoms(use_true_random=False))
def test_a_grid_has_every_tile_that_holds_tissue_and_no_other(
    width: int, height: int, tile: int, overlap: float, random
) -> None:
    shape = math.ceil(height / BLOCK_PX), math.ceil(width / BLOCK_PX)
    blocks = np.array([random.random() < 0.1 for _ in range(shape[0] * shape[1])]).reshape(shape)
    tissue = np.kron(blocks, np.ones((BLOCK_PX, BLOCK_PX), bool))[:height, :width].astype(bool)
    grid = TileGrid(width, height, tile, stride_px(tile, overlap), TissueMap(blocks, width, height, 0.25))
    run = {(x, y) for y, xs in grid.rows for x in xs}
    everywhere = {(x, y) for y in origins(height, tile, grid.stride) for x in origins(width, tile, grid.stride)}
    touched = {(x, y) for x, y in everywhere if touches(tissue, x, y, tile)}
    assert touched <= run <= everywhere
    assert all(touches_block(blocks, x, y, tile) for x, y in run)
    assert (grid.with_tissue, grid.total) == (len(run), len(everywhere))


def touches(tissue: np.ndarray, x: int, y: int, tile: int) -> bool:
    return bool(tissue[y : y + tile, x : x + tile].any())


def touches_block(blocks: np.ndarray, x: int, y: int, tile: int) -> bool:
    return any(
        row * BLOCK_PX < y + tile
        and (row + 1) * BLOCK_PX > y
        and column * BLOCK_PX < x + tile
        and (column + 1) * BLOCK_PX > x
        for row, column in np.argwhere(blocks)
    )


@pytest.mark.parametrize(("width", "height"), [(5, 40), (40, 5), (1, 1), (7, 3), (16, 16)])
def test_a_small_view_is_padded_by_reflection(width: int, height: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    tile = read_tile(view_of(pixels), 0, 0, 16)
    mirrored = [[reflected(place, length) for place in range(16)] for length in (height, width)]
    assert np.array_equal(tile, pixels[np.ix_(*mirrored)])


def reflected(place: int, length: int) -> int:
    period = max(1, 2 * (length - 1))
    return min(place % period, period - place % period) if length > 1 else 0


@pytest.mark.parametrize("tile", [1, 8, 255, 512])
def test_blending_weights(tile: int) -> None:
    assert (blend_weights(tile, "uniform") == 1).all()
    gaussian = blend_weights(tile, "gaussian")
    assert gaussian.dtype == np.float32
    assert gaussian.min() > 0
    assert np.allclose(gaussian, gaussian[::-1]) and np.allclose(gaussian, gaussian.T)
    assert gaussian.max() == gaussian[tile // 2, tile // 2]

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithm.detectors.blending import BlendedRows
from algorithm.size import Size
from algorithm.tiles import blend_weights, origins, stride_px


@settings(max_examples=120, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.builds(Size, st.integers(1, 24), st.integers(1, 24)),
    st.floats(0, 0.9),
    st.sampled_from(["uniform", "gaussian"]),
    st.integers(0, 999),
)
def test_bands_are_the_rows_of_the_whole_map(
    width: int, height: int, tile: Size, overlap: float, blending: str, seed: int
) -> None:
    """Also where tiles, and whole rows of them, are left out."""
    rng = np.random.default_rng(seed)
    stride, members = stride_px(tile, overlap), 2
    weights = blend_weights(tile, blending)
    rows = BlendedRows(width, height, weights, members)
    sums = np.zeros((members, height + tile.height, width + tile.width), np.float32)
    weight = np.zeros((height + tile.height, width + tile.width), np.float32)
    bands = []
    for y in origins(height, tile.height, stride.height):
        if rng.random() < 0.3:
            continue
        for x in origins(width, tile.width, stride.width):
            probabilities = rng.random((members, tile.height, tile.width), dtype=np.float32)
            bands += rows.advance(y)
            rows.add(x, probabilities)
            sums[:, y : y + tile.height, x : x + tile.width] += probabilities * weights
            weight[y : y + tile.height, x : x + tile.width] += weights
    bands += rows.finish()
    expected = np.divide(sums, weight, out=np.zeros_like(sums), where=weight > 0)[:, :height, :width]
    assert np.array_equal(np.concatenate(bands, axis=1), expected)
    assert max(band.shape[1] for band in bands) <= tile.height


def test_uniform_blending_is_the_mean() -> None:
    rows = BlendedRows(3, 2, blend_weights(Size.square(2), "uniform"), 1)
    for x, value in ((0, 0.2), (1, 0.6)):
        rows.add(x, np.full((1, 2, 2), value, np.float32))
    (band,) = rows.finish()
    assert band[0, 0].tolist() == pytest.approx([0.2, 0.4, 0.6])

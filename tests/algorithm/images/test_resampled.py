"""An image at another spacing: no seams, no shift, no change where the spacing is the same."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from algorithm.images import open_image
from algorithm.images.resampled import ResampledImage
from tests.algorithm.images.drawing import DrawnImage, tissue, write_tiff

SPACINGS_UM = [(0.25, 0.25), (0.23, 0.23), (0.5, 0.5), (0.25, 0.5), (0.12, 0.9)]


def dot(width: int, height: int, x: float, y: float, radius_x: float, radius_y: float) -> NDArray[np.uint8]:
    """A soft dark dot on white with its centre at (x, y), pixel centres at integers."""
    rows, columns = np.mgrid[:height, :width]
    depth = np.exp(-0.5 * (((columns - x) / radius_x) ** 2 + ((rows - y) / radius_y) ** 2))
    return np.repeat((255 - 220 * depth).round().astype(np.uint8)[..., None], 3, axis=2)


def centroid(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Centre of darkness, x then y: (1, 2)."""
    darkness = 255.0 - pixels[..., 0]
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    return np.array([[(columns * darkness).sum(), (rows * darkness).sum()]]) / darkness.sum()


@pytest.mark.parametrize("spacing_um", SPACINGS_UM)
@pytest.mark.parametrize("view_um", [0.25, 0.4, 1.0])
def test_a_dot_is_found_where_it_was_drawn(spacing_um: tuple[float, float], view_um: float) -> None:
    spacing_x, spacing_y = spacing_um
    width, height = round(60 / spacing_x), round(60 / spacing_y)
    x, y = 28.3 / spacing_x, 33.8 / spacing_y
    drawn = DrawnImage(dot(width, height, x, y, 2.5 / spacing_x, 2.5 / spacing_y), spacing_um)
    view = ResampledImage(drawn, view_um)
    found = view.to_level0(centroid(view.read(0, 0, view.width, view.height)))
    np.testing.assert_allclose(found, [[x, y]], atol=0.05)


@pytest.mark.parametrize("spacing_um", SPACINGS_UM)
def test_a_ramp_has_the_brightness_of_its_place(spacing_um: tuple[float, float]) -> None:
    columns, rows = np.arange(400), np.arange(300)
    ramp = (20 + columns[None, :] * 0.25 + rows[:, None] * 0.3).round().astype(np.uint8)
    view = ResampledImage(DrawnImage(np.repeat(ramp[..., None], 3, axis=2), spacing_um), 0.3)
    grid = np.stack(np.meshgrid(np.arange(view.width), np.arange(view.height)), axis=-1).reshape(-1, 2)
    at = view.to_level0(grid.astype(np.float64))
    inner = ((at > 15) & (at < (384, 284))).all(axis=1)
    values = view.read(0, 0, view.width, view.height)[..., 0].reshape(-1)
    expected = 20 + at[:, 0] * 0.25 + at[:, 1] * 0.3
    assert inner.any()
    assert np.abs(values - expected)[inner].max() <= 1.1  # both are rounded to whole grey levels


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(3, 150), st.integers(3, 150)),
    st.tuples(st.floats(0.1, 1.0), st.floats(0.1, 1.0)),
    st.floats(0.2, 1.0),
    st.data(),
)
def test_a_window_is_a_part_of_the_whole(
    size: tuple[int, int], spacing_um: tuple[float, float], view_um: float, data: st.DataObject
) -> None:
    view = ResampledImage(DrawnImage(tissue(*size), spacing_um), view_um)
    whole = view.read(0, 0, view.width, view.height)
    x = data.draw(st.integers(0, view.width - 1))
    y = data.draw(st.integers(0, view.height - 1))
    width = data.draw(st.integers(1, view.width - x))
    height = data.draw(st.integers(1, view.height - y))
    np.testing.assert_array_equal(view.read(x, y, width, height), whole[y : y + height, x : x + width], strict=True)


def test_blocks_leave_no_seam() -> None:
    """A view wider than one block, against windows that lie across the border between two."""
    view = ResampledImage(DrawnImage(tissue(1300, 40), (0.5, 0.5)), 0.23)
    whole = view.read(0, 0, view.width, view.height)
    assert view.width > 2 * 1024
    for x in (500, 1013, 2040):
        np.testing.assert_array_equal(view.read(x, 5, 40, 30), whole[5:35, x : x + 40])


@given(
    st.tuples(st.floats(0.1, 1.0), st.floats(0.1, 1.0)),
    st.floats(0.1, 1.0),
    st.lists(st.tuples(st.floats(-1, 1e5), st.floats(-1, 1e5)), max_size=20),
)
def test_points_go_there_and_back(
    spacing_um: tuple[float, float], view_um: float, points: list[tuple[float, float]]
) -> None:
    view = ResampledImage(DrawnImage(tissue(8, 8), spacing_um), view_um)
    drawn = np.array(points, dtype=np.float64).reshape(-1, 2)
    np.testing.assert_allclose(view.from_level0(view.to_level0(drawn)), drawn, atol=1e-6)


@pytest.mark.parametrize("view_um", [0.25, 0.2524, 0.2476])
def test_nothing_changes_within_one_percent(view_um: float, tmp_path: Path) -> None:
    with open_image(write_tiff(tmp_path / "region.tiff", tissue())) as image:
        view = ResampledImage(image, view_um)
        assert (view.width, view.height) == (97, 83)
        np.testing.assert_array_equal(view.read(5, 7, 60, 50), tissue()[7:57, 5:65])
        np.testing.assert_array_equal(view.to_level0(np.array([[3.0, 4.5]])), [[3.0, 4.5]])


def test_the_scale_is_what_was_asked_for() -> None:
    for own_um, view_um in ((0.5, 0.25), (0.23, 0.25), (0.2, 0.5), (1.0, 0.25)):
        view = ResampledImage(DrawnImage(tissue(), (own_um, own_um)), view_um)
        assert view.scale_x == pytest.approx(view_um / own_um, rel=1e-3)


def test_the_view_has_the_size_of_the_tissue() -> None:
    view = ResampledImage(DrawnImage(tissue(97, 83), (0.5, 0.25)), 0.25)
    assert (view.width, view.height) == (194, 83)
    tiny = ResampledImage(DrawnImage(tissue(1, 1), (0.1, 0.1)), 1.0)
    assert tiny.read(0, 0, 1, 1).shape == (1, 1, 3)


def test_the_last_pixel_lies_in_the_image() -> None:
    random = np.random.default_rng(3)
    for _ in range(200):
        width, own_um, view_um = random.integers(1, 500), random.uniform(0.1, 1), random.uniform(0.1, 1)
        view = ResampledImage(DrawnImage(np.zeros((1, width, 3), np.uint8), (own_um, own_um)), view_um)
        last = view.to_level0(np.array([[view.width - 1.0, 0.0]]))[0, 0]
        assert last <= width - 0.5 + 1e-9 or view.width == 1


@pytest.mark.parametrize("window", [(-1, 0, 4, 4), (0, 0, 195, 4), (0, 0, 4, 0)])
def test_a_window_outside_the_view_is_a_mistake(window: tuple[int, int, int, int]) -> None:
    view = ResampledImage(DrawnImage(tissue(97, 83), (0.5, 0.5)), 0.25)
    with pytest.raises(ValueError, match="window"):
        view.read(*window)


@pytest.mark.parametrize("spacing_um", [0.0, -1.0, float("nan"), float("inf")])
def test_an_absurd_spacing_is_a_mistake(spacing_um: float) -> None:
    with pytest.raises(ValueError, match="spacing"):
        ResampledImage(DrawnImage(tissue()), spacing_um)

"""A patch lies about its centre, at the resolution asked for, and is mirrored where the image ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithm.images.resampled import ResampledImage
from algorithm.patches import cut_patch, middle_patch
from tests.algorithm.images.drawing import tissue
from tests.arrays import ArrayImage, view_of


def test_a_patch_of_the_right_size_is_taken_as_it_is() -> None:
    pixels = tissue(128, 128)
    np.testing.assert_array_equal(middle_patch(view_of(pixels), 128), pixels)


@pytest.mark.parametrize(("side", "first"), [(129, 1), (130, 1), (131, 2), (200, 36)])
def test_a_larger_one_is_cut_about_its_middle(side: int, first: int) -> None:
    pixels = tissue(side, side)
    cut = middle_patch(view_of(pixels), 128)
    np.testing.assert_array_equal(cut, pixels[first : first + 128, first : first + 128])


@pytest.mark.parametrize(("width", "height"), [(127, 90), (64, 64), (65, 128), (30, 200), (2, 3), (1, 1), (1, 77)])
def test_a_smaller_one_is_mirrored(width: int, height: int) -> None:
    pixels = tissue(width, height)
    before_x, before_y = ((128 - size) // 2 for size in (width, height))
    margins = [
        (max(0, before), max(0, 128 - size - before)) for size, before in ((height, before_y), (width, before_x))
    ]
    first = max(0, -before_y)
    expected = np.pad(pixels[first : first + 128], (*margins, (0, 0)), mode="reflect")
    np.testing.assert_array_equal(middle_patch(view_of(pixels), 128), expected)


@given(st.floats(0, 96), st.floats(0, 82), st.sampled_from([16, 31, 64, 200]))
def test_a_patch_is_that_part_of_the_mirrored_image(x: float, y: float, side: int) -> None:
    pixels = tissue()
    mirrored = np.pad(pixels, ((200, 200), (200, 200), (0, 0)), mode="reflect")
    cut = cut_patch(view_of(pixels), x, y, side)
    left, top = (int(np.floor(centre - (side - 1) / 2 + 0.5)) + 200 for centre in (x, y))
    np.testing.assert_array_equal(cut, mirrored[top : top + side, left : left + side])
    assert abs(left - 200 + (side - 1) / 2 - x) <= 0.5


def test_a_patch_of_half_the_resolution_is_the_whole_of_twice_the_pixels() -> None:
    image = ArrayImage(tissue(128, 128))
    view = ResampledImage(image, 0.5)
    np.testing.assert_array_equal(middle_patch(view, 64), view.read(0, 0, 64, 64))

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import ndimage

from algorithm.errors import InputError
from algorithm.size import Size
from tests.training.drawing import drawn_region
from training.data.anchors import AnchorSampler, marked_boxes
from training.data.regions import Region, in_memory, read_padded
from training.data.sampling import corner_about
from training.recipe import AnchorSamplingSettings

TILE = Size(40, 32)
SETTINGS = AnchorSamplingSettings(empty_fraction=0.25)


def regions() -> list[Region]:
    """Two with two figures each, the second with a look-alike, and one without any."""
    first, second, third = (drawn_region(f"slide {number}", seed=number) for number in range(3))
    second = replace(second, hard_negatives=np.array([(45.0, 10.0)]))
    return [first, second, replace(third, figures=np.empty((0, 2)))]


def test_windows_are_about_annotations_and_half_of_them_about_figures() -> None:
    sampler = AnchorSampler([regions()], TILE, SETTINGS)
    rng = np.random.default_rng(0)
    windows = [sampler.window(rng, 0, TILE) for _ in range(400)]
    assert len(sampler) == 5
    marked = np.array([window.mask.any(axis=(1, 2)) for window in windows])
    assert marked.any(axis=1).all()
    assert 0.4 < marked[:, 1].mean() < 0.7  # the only look-alike; some windows about figures show it too


def test_a_batch_has_its_share_of_empty_tissue() -> None:
    sampler = AnchorSampler([regions()], TILE, SETTINGS)
    windows = sampler.batch(np.random.default_rng(1), 8, TILE)
    assert [window.positive for window in windows] == [True] * 6 + [False] * 2
    assert not any(window.mask.any() for window in windows[6:])
    without_empty = AnchorSampler([regions()[:2]], TILE, SETTINGS)
    assert without_empty.positives(8) == without_empty.drawn(8) == 8


def test_the_same_generator_draws_the_same() -> None:
    sampler = AnchorSampler([regions()], TILE, SETTINGS)
    first, again = (sampler.batch(np.random.default_rng(3), 6, Size(48, 40)) for _ in range(2))
    assert all((a.pixels == b.pixels).all() and (a.mask == b.mask).all() for a, b in zip(first, again, strict=True))


def test_boxes_lie_about_the_marked_points() -> None:
    """A tile's marks say where the figures are, to a tenth of a pixel, also where it is mirrored."""
    sampler = AnchorSampler([regions()[1:2]], Size.square(96), SETTINGS)
    window = sampler._cut(sampler.annotated[0], 3, -5, 96, 96, positive=True)
    boxes, classes = marked_boxes(window.mask > 0, 20.0)
    assert (boxes[:, 2:] - boxes[:, :2] == 20).all()
    assert set(classes.tolist()) == {0, 1}
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = ((middle > 3) & (middle < 92)).all(axis=1)  # a mark that the border cuts has its middle further in
    assert middle[inside] == pytest.approx(np.round(middle[inside]), abs=0.1)


@pytest.mark.parametrize("window_px", [TILE, Size(58, 46)])
def test_a_mosaic_shows_four_annotations_in_its_tile(window_px: Size) -> None:
    """Each part is a piece of a region as it is; the seam lies in the middle half of the tile."""
    grey = np.arange(4, dtype=np.uint8)[:, None, None, None] * 60 + 20
    plain = [np.broadcast_to(shade, (80, 96, 3)).copy() for shade in grey]
    data = [in_memory(str(n), str(n), "", p, 0.25, np.array([(30.0, 40.0)])) for n, p in enumerate(plain)]
    sampler = AnchorSampler([data], TILE, SETTINGS.model_copy(update={"mosaic": 1.0}))
    (width, height), rng = window_px, np.random.default_rng(0)
    left, top = np.subtract(window_px, TILE) // 2
    inside = np.s_[top : top + TILE.height, left : left + TILE.width]
    shades = set()
    for _ in range(20):
        window = sampler.window(rng, 0, window_px)
        assert (window.pixels.shape, window.mask.shape) == ((height, width, 3), (2, height, width))
        shades |= set(np.unique(window.pixels).tolist())
        tile = window.mask[0][inside]
        for rows, columns in product((slice(0, 8), slice(-8, None)), repeat=2):
            assert len(np.unique(window.pixels[rows, columns])) == 1
        assert (window.mask[1] == 0).all()
        assert ndimage.label(tile)[1] >= 2  # those that touch across a seam are one
        inner = window.pixels[..., 0][inside].astype(int)
        for axis, side in enumerate(inner.shape):
            seams = np.unique(np.nonzero(np.diff(inner, axis=axis))[axis]) + 1
            assert len(seams) <= 1
            assert all(side // 4 <= seam <= side * 3 // 4 for seam in seams)
    assert shades == {20, 80, 140, 200}


def test_each_part_of_a_mosaic_has_its_annotation() -> None:
    """A tile so large that the marks seldom touch, and regions with one figure that is far from their borders."""
    data = [replace(drawn_region(str(n), seed=n), figures=np.array([(48.0, 40.0)])) for n in range(4)]
    sampler = AnchorSampler([data], Size.square(96), SETTINGS.model_copy(update={"mosaic": 1.0}))
    rng = np.random.default_rng(0)
    counts = [len(marked_boxes(sampler.window(rng, 0, Size.square(96)).mask > 0, 8.0)[0]) for _ in range(30)]
    assert np.mean(counts) > 3.8


def test_tissue_at_large_makes_mosaics_of_its_own() -> None:
    sampler = AnchorSampler([regions()], TILE, SETTINGS.model_copy(update={"mosaic": 1.0}))
    window = sampler.window(np.random.default_rng(0), None, TILE)
    assert not window.positive
    assert not window.mask.any()


def test_without_mosaics_the_same_tiles_are_drawn_as_before() -> None:
    """And a share of mosaics takes a number from the generator, a share of none takes none."""
    rngs = [np.random.default_rng(5), np.random.default_rng(5)]
    sampler = AnchorSampler([regions()], TILE, SETTINGS)
    window = sampler.window(rngs[0], 0, TILE)
    anchor = int(np.searchsorted(sampler._up_to, rngs[1].random() * sampler._up_to[-1], side="right"))
    region = sampler.annotated[sampler._region[anchor]]
    point = np.concatenate((region.figures, region.hard_negatives))[sampler._number[anchor]]
    x, y = corner_about(rngs[1], point, TILE, TILE)
    np.testing.assert_array_equal(window.pixels, read_padded(region, x, y, *TILE))


def test_no_mark_is_no_box() -> None:
    boxes, classes = marked_boxes(np.zeros((2, 16, 16), np.bool_), 8.0)
    assert (boxes.shape, boxes.dtype, classes.shape) == ((0, 4), np.float32, (0,))


def test_data_without_annotations_is_refused() -> None:
    with pytest.raises(InputError, match="No region of the fold has an annotation"):
        AnchorSampler([regions()[2:]], TILE, SETTINGS)

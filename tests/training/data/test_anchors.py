from dataclasses import replace

import numpy as np
import pytest

from algorithm.errors import InputError
from tests.training.drawing import drawn_region
from training.data.anchors import AnchorSampler, marked_boxes
from training.data.regions import Region
from training.recipe import AnchorSamplingSettings

TILE = 32
SETTINGS = AnchorSamplingSettings(empty_fraction=0.25)


def regions() -> list[Region]:
    """Two with two figures each, the second with a look-alike, and one without any."""
    first, second, third = (drawn_region(f"slide {number}", seed=number) for number in range(3))
    second = replace(second, hard_negatives=np.array([(45.0, 10.0)]))
    return [first, second, replace(third, figures=np.empty((0, 2)))]


def test_windows_are_about_annotations_and_half_of_them_about_figures() -> None:
    sampler = AnchorSampler([regions()], TILE, SETTINGS)
    rng = np.random.default_rng(0)
    windows = [sampler.window(rng, True, TILE) for _ in range(400)]
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
    first, again = (sampler.batch(np.random.default_rng(3), 6, 40) for _ in range(2))
    assert all((a.pixels == b.pixels).all() and (a.mask == b.mask).all() for a, b in zip(first, again, strict=True))


def test_boxes_lie_about_the_marked_points() -> None:
    """A tile's marks say where the figures are, to a tenth of a pixel, also where it is mirrored."""
    sampler = AnchorSampler([regions()[1:2]], 96, SETTINGS)
    window = sampler._cut(np.random.default_rng(0), sampler.annotated[0], np.array([48.0, 40.0]), 96, positive=True)
    boxes, classes = marked_boxes(window.mask > 0, 20.0)
    assert (boxes[:, 2:] - boxes[:, :2] == 20).all()
    assert set(classes.tolist()) == {0, 1}
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = ((middle > 3) & (middle < 92)).all(axis=1)  # a mark that the border cuts has its middle further in
    assert middle[inside] == pytest.approx(np.round(middle[inside]), abs=0.1)


def test_no_mark_is_no_box() -> None:
    boxes, classes = marked_boxes(np.zeros((2, 16, 16), np.bool_), 8.0)
    assert (boxes.shape, boxes.dtype, classes.shape) == ((0, 4), np.float32, (0,))


def test_data_without_annotations_is_refused() -> None:
    with pytest.raises(InputError, match="No region of the fold has an annotation"):
        AnchorSampler([regions()[2:]], TILE, SETTINGS)

"""Windows about typed figures: every figure in turn, in the middle, with the masks of its class."""

from dataclasses import replace

import numpy as np
import pytest

from algorithm.errors import InputError
from tests.training.drawing import drawn_region
from training.data.figures import FigureSampler
from training.data.regions import Region


def typed(name: str, *atypical: bool, seed: int = 0) -> Region:
    """96 x 80 px with figures at (20, 24) and (70, 52)."""
    return replace(drawn_region(name, seed=seed), atypical=np.array(atypical))


@pytest.fixture
def sampler() -> FigureSampler:
    return FigureSampler([[typed("one", True, False)], [typed("two", False, False)]], radius_px=6)


def test_every_figure_comes_once_before_any_comes_again(sampler: FigureSampler) -> None:
    drawn = [sampler.drawn(number) for number in range(40)]
    turns = [drawn[start : start + 4] for start in range(0, 40, 4)]
    assert all(sorted(turn) == [0, 1, 2, 3] for turn in turns)
    assert len({tuple(turn) for turn in turns}) > 3
    assert [sampler.drawn(number) for number in (17, 3, 38)] == [drawn[17], drawn[3], drawn[38]]
    other = FigureSampler([[typed("one", True, False)], [typed("two", False, False)]], radius_px=6, seed=1)
    assert [other.drawn(number) for number in range(40)] != drawn


def test_a_figure_is_in_the_middle_with_the_mask_of_its_class(sampler: FigureSampler) -> None:
    assert sampler.atypical.tolist() == [True, False, False, False]
    for index, (x, y) in enumerate([(20, 24), (70, 52)] * 2):
        window = sampler.window(index, 32)
        region = sampler.figures[index][0]
        expected = region.read(0, 0, region.width, region.height)[y - 16 : y + 16, x - 16 : x + 16]
        np.testing.assert_array_equal(window.pixels, expected)
        rows, columns = np.nonzero(window.mask[int(sampler.atypical[index])])
        assert (rows.mean(), columns.mean()) == (16, 16)
        assert len(rows) == 113  # the pixels of a disk of radius 6
        assert not window.mask[1 - int(sampler.atypical[index])].any()


def test_neighbours_of_another_class_have_their_own_masks(sampler: FigureSampler) -> None:
    """Both figures of the first region; the border between them is half-way."""
    window = sampler.window(0, 128)
    normal, atypical = window.mask
    assert (normal[52 - 24 + 64, 70 - 20 + 64], atypical[64, 64]) == (1, 1)
    assert not (normal & atypical).any()
    assert normal.sum() >= 113


def test_votes_are_the_experts_or_else_the_type() -> None:
    voted = replace(typed("one", True, False), votes=np.array([2 / 3, 1 / 3]))
    assert FigureSampler([[voted], [typed("two", False, True)]]).votes.tolist() == [2 / 3, 1 / 3, 0, 1]


def test_a_window_that_leaves_the_region_is_reflected(sampler: FigureSampler) -> None:
    window = sampler.window(0, 64)
    region = sampler.figures[0][0]
    np.testing.assert_array_equal(window.pixels[12:], region.read(0, 0, 96, 80)[4:56, np.abs(np.arange(64) - 12)])


def test_a_class_must_not_be_missing() -> None:
    with pytest.raises(InputError, match="lacks normal or atypical"):
        FigureSampler([[typed("one", False, False)]], radius_px=6)

"""The interval of a share: known values, its bounds, and how often it holds the truth."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from algorithm.wilson import wilson_interval


@given(st.integers(1, 5000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_it_is_scipys_and_holds_the_share(counted_of: tuple[int, int]) -> None:
    counted, of = counted_of
    low, high = wilson_interval(counted, of)
    expected = binomtest(counted, of).proportion_ci(0.95, "wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= low <= counted / of <= high <= 1


def test_it_narrows_with_the_number() -> None:
    widths = [math.dist(*([end] for end in wilson_interval(number // 5, number))) for number in (10, 100, 1000)]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(("counted", "of"), [(0, 0), (3, 2), (-1, 5)])
def test_a_share_of_nothing_is_a_mistake(counted: int, of: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson_interval(counted, of)

"""The cache of decoded segments: bounded, and no segment decoded twice at a time."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import numpy as np
import pytest
from numpy.typing import NDArray

from algorithm.images.cache import SegmentCache

SEGMENT_BYTES = 100


def segment(index: int) -> NDArray[np.uint8]:
    return np.full(SEGMENT_BYTES, index, np.uint8)


class Counting:
    """Decodes and remembers what was asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, index: int) -> NDArray[np.uint8]:
        self.asked.append(index)
        return segment(index)


def test_the_least_used_goes_first() -> None:
    decode = Counting()
    cache = SegmentCache(decode, 3 * SEGMENT_BYTES)
    for index in (0, 1, 2, 0, 3, 0, 2, 3, 1):  # 3 drives out 1, not 0
        assert cache.get(index)[0] == index
    assert decode.asked == [0, 1, 2, 3, 1]


def test_a_segment_above_the_limit_is_kept_alone() -> None:
    decode = Counting()
    cache = SegmentCache(decode, SEGMENT_BYTES // 2)
    for index in (0, 0, 1, 1, 0):
        cache.get(index)
    assert decode.asked == [0, 1, 0]


def test_threads_share_one_decoding() -> None:
    asked: list[int] = []
    begun, go_on = Event(), Event()

    def decode(index: int) -> NDArray[np.uint8]:
        asked.append(index)
        begun.set()
        go_on.wait(10)
        return segment(index)

    cache = SegmentCache(decode, 1000)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(cache.get, 5)
        begun.wait(10)
        others = [threads.submit(cache.get, 5) for _ in range(3)]
        go_on.set()
        assert all(result.result()[0] == 5 for result in (first, *others))
    assert asked == [5]


def test_an_error_reaches_every_thread_and_is_not_kept() -> None:
    together = Barrier(3)

    def decode(index: int) -> NDArray[np.uint8]:
        raise KeyError(index)

    cache = SegmentCache(decode, 1000)

    def get(index: int) -> str:
        together.wait(10)
        with pytest.raises(KeyError):
            cache.get(index)
        with pytest.raises(KeyError):
            cache.get(index)
        return "raised"

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(get, [1, 1, 1])) == ["raised"] * 3


def test_cleared() -> None:
    decode = Counting()
    cache = SegmentCache(decode, 1000)
    cache.get(1)
    cache.clear()
    cache.get(1)
    assert decode.asked == [1, 1]

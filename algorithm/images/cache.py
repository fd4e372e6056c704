"""A cache of decoded strips or tiles, bounded in bytes, that decodes each only once at a time."""

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock

import numpy as np
from numpy.typing import NDArray


class SegmentCache:
    """Keeps the segments used last, up to `limit_bytes` of them (the newest always).

    Threads that want a segment which another thread is decoding wait for that one, so a large strip is decoded once.
    """

    def __init__(self, decode: Callable[[int], NDArray[np.uint8]], limit_bytes: int) -> None:
        self._decode = decode
        self._limit_bytes = limit_bytes
        self._lock = Lock()
        self._kept: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()
        self._kept_bytes = 0
        self._pending: dict[int, Future[NDArray[np.uint8]]] = {}

    def get(self, index: int) -> NDArray[np.uint8]:
        """Segment `index`, decoded. Raises what `decode` raises."""
        with self._lock:
            if index in self._kept:
                self._kept.move_to_end(index)
                return self._kept[index]
            pending = self._pending.get(index)
            if pending is None:
                mine = self._pending[index] = Future[NDArray[np.uint8]]()
        if pending is not None:
            return pending.result()
        try:
            segment = self._decode(index)
        except BaseException as error:
            with self._lock:
                del self._pending[index]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._pending[index]
            self._keep(index, segment)
        mine.set_result(segment)
        return segment

    def clear(self) -> None:
        """Forget every segment."""
        with self._lock:
            self._kept.clear()
            self._kept_bytes = 0

    def _keep(self, index: int, segment: NDArray[np.uint8]) -> None:
        self._kept[index] = segment
        self._kept_bytes += segment.nbytes
        while self._kept_bytes > self._limit_bytes and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= dropped.nbytes

"""Rows handed on together with their neighbours above and below."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Neighbourhood(NamedTuple):
    """Rows (C, H, W) float32 with up to a halo more of them above and below; `core` says which are new."""

    rows: NDArray[np.float32]
    core: slice


class Lookahead:
    """Collects bands of rows (C, H, W) and hands them on once the rows within `halo` px of them are there."""

    def __init__(self, halo: int, minimum_rows: int) -> None:
        self._halo = halo
        self._minimum_rows = minimum_rows
        self._rows: NDArray[np.float32] | None = None
        self._above = 0  # rows at the top that were handed on before and stay as neighbours

    def push(self, band: NDArray[np.float32]) -> Neighbourhood | None:
        """Take a band; the rows that are ready by now, if they are worth the work."""
        self._rows = band if self._rows is None else np.concatenate((self._rows, band), axis=1)
        end = self._rows.shape[1] - self._halo
        return self._handed_on(end) if end - self._above >= self._minimum_rows else None

    def finish(self) -> Neighbourhood | None:
        """The rows that remain once there are no more."""
        if self._rows is None or self._rows.shape[1] == self._above:
            return None
        return self._handed_on(self._rows.shape[1])

    def _handed_on(self, end: int) -> Neighbourhood:
        assert self._rows is not None
        ready = Neighbourhood(self._rows, slice(self._above, end))
        first = max(0, end - self._halo)
        self._rows = self._rows[:, first:]
        self._above = end - first
        return ready

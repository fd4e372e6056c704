"""The order in which things are drawn: each once before any comes again."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class EndlessOrder:
    """All of `count` things in one shuffled order after the other, which follow from the seed."""

    def __init__(self, count: int, seed: Sequence[int]) -> None:
        self.count, self.seed = count, seed
        self._turn: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, np.int64))

    def drawn(self, place: int) -> int:
        """Which thing is drawn at a place of the order."""
        turn, within = divmod(place, self.count)
        if self._turn[0] != turn:
            self._turn = turn, np.random.default_rng([*self.seed, turn]).permutation(self.count)
        return int(self._turn[1][within])

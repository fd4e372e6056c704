"""Detections: the one value type of mitotic figure detection."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Detections:
    """Points with their scores, in one order (y, then x, then score) whatever order they were found in.

    points: (N, 2) float64, x then y, px at level 0, pixel centres at whole numbers.
    scores: (N,) float64, of the ensemble. member_scores: (N, M) float64, of each member.
    atypical: (N,) float64, P(atypical), NaN for what was not typed. called_atypical: (N,) bool, the class that the
    classifier's members voted for, False for what was not typed. Both are None where no classifier has run.
    Raises ValueError where the lengths disagree, or only one of the two is given.
    """

    points: NDArray[np.float64]
    scores: NDArray[np.float64]
    member_scores: NDArray[np.float64]
    atypical: NDArray[np.float64] | None = None
    called_atypical: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        points = np.asarray(self.points, dtype=np.float64)
        scores = np.asarray(self.scores, dtype=np.float64)
        member_scores = np.asarray(self.member_scores, dtype=np.float64)
        atypical = None if self.atypical is None else np.asarray(self.atypical, dtype=np.float64)
        called = None if self.called_atypical is None else np.asarray(self.called_atypical, dtype=np.bool_)
        count = len(scores)
        if points.shape != (count, 2) or scores.ndim != 1 or member_scores.shape[:-1] != (count,):
            raise ValueError(f"{points.shape} points, {scores.shape} scores, {member_scores.shape} member scores")
        if (atypical is None) != (called is None):
            raise ValueError("P(atypical) and the class called are given together or not at all")
        for values in (atypical, called):
            if values is not None and values.shape != (count,):
                raise ValueError(f"{count} detections but {values.shape} values of their type")
        order = np.lexsort((scores, points[:, 0], points[:, 1]))
        for name, values in zip(
            (field.name for field in fields(self)), (points, scores, member_scores, atypical, called), strict=True
        ):
            object.__setattr__(self, name, None if values is None else values[order])

    @classmethod
    def empty(cls, members: int) -> Self:
        """No detection, by an ensemble of that many members."""
        return cls(np.empty((0, 2)), np.empty(0), np.empty((0, members)))

    def __len__(self) -> int:
        return len(self.scores)

    def agreement(self, threshold: float) -> NDArray[np.float64]:
        """The share of the members whose own score reaches the threshold, (N,) float64; of one member 0 or 1."""
        return np.asarray((self.member_scores >= threshold).mean(axis=1), dtype=np.float64)

    def select(self, mask: NDArray[np.bool_]) -> "Detections":
        """The detections where the (N,) mask is true."""
        atypical = None if self.atypical is None else self.atypical[mask]
        called = None if self.called_atypical is None else self.called_atypical[mask]
        return Detections(self.points[mask], self.scores[mask], self.member_scores[mask], atypical, called)

    @property
    def typed(self) -> NDArray[np.bool_]:
        """(N,): which of them a classifier has typed."""
        return np.zeros(len(self), np.bool_) if self.atypical is None else ~np.isnan(self.atypical)

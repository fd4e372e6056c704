"""Cases of track 1 whose points lie on a line."""

from collections.abc import Sequence

import numpy as np

from evaluation.cases import DetectionCase, Floats


def at(*xs: float) -> Floats:
    """Points (N, 2) on a line, mm."""
    return np.array([(x, 0.0) for x in xs], dtype=np.float64).reshape(-1, 2)


def case(
    figures: Sequence[float] = (),
    points: Sequence[tuple[float, float]] = (),
    named: Sequence[bool] | None = None,
    name: str = "a.tiff",
    domain: str = "0",
    roi_type: str | None = "hotspot",
) -> DetectionCase:
    """A region with figures at places on the line, mm, and points of a place and a probability; all named figures."""
    flags = [True] * len(points) if named is None else list(named)
    scores = np.array([score for _, score in points], dtype=np.float64)
    return DetectionCase(
        name, domain, roi_type, at(*figures), at(*(x for x, _ in points)), scores, np.array(flags, dtype=np.bool_)
    )

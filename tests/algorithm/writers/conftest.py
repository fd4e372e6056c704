"""Two detections to write down."""

import numpy as np
import pytest

from algorithm.detections import Detections


@pytest.fixture
def detections() -> Detections:
    """A mitotic figure at (600, 100) and a candidate at (40, 30), by two members that disagree about it at 0.25."""
    points = np.array([[600.0, 100.0], [40.0, 30.0]])
    return Detections(points, np.array([0.9, 0.2]), np.array([[0.8, 1.0], [0.1, 0.3]]))

"""A region with dark dots at known places, and a bundle that finds dark dots."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.algorithm.images.drawing import write_tiff
from tests.tiny_bundle import write_tiny_bundle

DOTS = np.array([[40.0, 30.0], [120.0, 47.0], [75.0, 96.0]])
"""Centres (x, y) of the dots, px, in the order of the results."""


def dotted() -> NDArray[np.uint8]:
    """(120, 160, 3) uint8: pink tissue with three dark dots of 8 px radius."""
    pixels = np.full((120, 160, 3), (225, 165, 200), dtype=np.uint8)
    rows, columns = np.mgrid[:120, :160]
    for x, y in DOTS:
        pixels[(columns - x) ** 2 + (rows - y) ** 2 <= 64] = (40, 30, 90)
    return pixels


@pytest.fixture
def region(tmp_path: Path) -> Path:
    return write_tiff(tmp_path / "region.tiff", dotted())


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle"), members=2)

"""The place in a crop, from maps whose maximum is known."""

import numpy as np
import pytest

from algorithm.detectors.activation import place_in_crop


def hot(*cells: tuple[int, int, float], size: int = 10) -> np.ndarray:
    """One member's map (1, size, size): 0 but for cells (row, column, value)."""
    activation = np.zeros((1, size, size), np.float32)
    for row, column, value in cells:
        activation[0, row, column] = value
    return activation


@pytest.mark.parametrize(("row", "column"), [(4, 5), (1, 8), (7, 2)])
def test_a_single_cell_is_found_at_its_middle(row: int, column: int) -> None:
    assert place_in_crop(hot((row, column, 3.0)), 80) == (8 * column + 3.5, 8 * row + 3.5)


def test_neighbouring_cells_are_one() -> None:
    assert place_in_crop(hot((3, 4, 2.0), (3, 5, 2.0), (4, 4, 2.0), (4, 5, 2.0)), 80) == (39.5, 31.5)


def test_of_two_places_the_brighter_counts() -> None:
    assert place_in_crop(hot((2, 2, 0.9), (7, 6, 1.0)), 80) == (8 * 6 + 3.5, 8 * 7 + 3.5)


@pytest.mark.parametrize("value", [0.0, 5.0])
def test_a_map_without_a_maximum_gives_the_middle(value: float) -> None:
    assert place_in_crop(np.full((2, 10, 10), value, np.float32), 80) == (39.5, 39.5)


def test_only_the_shape_of_a_map_counts() -> None:
    activation = np.random.default_rng(0).random((1, 10, 10), np.float32)
    assert place_in_crop(activation, 80) == place_in_crop(7 * activation + 3, 80)


def test_members_count_alike_whatever_their_scale() -> None:
    """Two that agree outweigh one with larger values; one that sees nothing has no say."""
    agree, other, blind = hot((2, 3, 1.0)), hot((8, 8, 100.0)), hot()
    assert place_in_crop(np.concatenate((agree, other, agree)), 80) == (8 * 3 + 3.5, 8 * 2 + 3.5)
    assert place_in_crop(np.concatenate((blind, other)), 80) == place_in_crop(other, 80)


def test_a_map_of_few_px_a_cell_has_a_place_too() -> None:
    """Between the middles of cells half as large as usual no pixel is as bright as the cell itself."""
    assert place_in_crop(hot((4, 5, 1.0)), 20) == (2 * 5 + 0.5, 2 * 4 + 0.5)

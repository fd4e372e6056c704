"""Contact sheets: which are shown, and where."""

import numpy as np
import pytest

from training.pictures.sheet import Cell, sheet_of, shown_of


@pytest.mark.parametrize(("count", "shown"), [(0, []), (1, [0]), (4, [0, 1, 2, 3])])
def test_few_are_all_shown(count: int, shown: list[int]) -> None:
    assert shown_of(count) == shown


def test_of_many_a_hundred_are_shown_from_the_first_to_the_last() -> None:
    shown = shown_of(1000)
    assert (len(shown), shown[0], shown[-1]) == (100, 0, 999)
    assert set(np.diff(shown).tolist()) <= {10, 11}
    assert shown_of(101, 3) == [0, 50, 100]


def test_cells_lie_row_by_row() -> None:
    cells = [Cell(np.full((20, 20, 3), 10 * number, np.uint8)) for number in range(12)]
    sheet = np.asarray(sheet_of(cells, "twelve"))
    assert sheet.shape == (2 * 26 + 6 + 28, 10 * 26 + 6, 3)
    assert [sheet[6 + 10, 6 + 26 * column, 0] for column in (0, 9)] == [0, 90]
    assert [sheet[32 + 10, 6 + 26 * column, 0] for column in (0, 1, 2)] == [100, 110, 255]


def test_frames_and_labels_are_drawn() -> None:
    grey = np.full((40, 40, 3), 128, np.uint8)
    plain, marked = (np.asarray(sheet_of([cell], "")) for cell in (Cell(grey), Cell(grey, (255, 0, 0), "0.5")))
    assert tuple(plain[4, 20]) == (255, 255, 255)
    assert tuple(marked[4, 20]) == (255, 0, 0)
    assert (plain[6:46, 6:46] == 128).all()
    assert {0, 255} <= set(marked[6:46, 6:46].ravel().tolist())
    assert (marked[6:20, 6:46] == 128).all()

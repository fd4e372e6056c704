import numpy as np
import pytest

from algorithm.detectors.views import VIEWS, View
from algorithm.size import Size

SIZES = [Size(12, 12), Size(12, 7)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seen", VIEWS["eight"])
def test_a_box_seen_in_a_view_is_found_where_it_is(seen: View, size: Size) -> None:
    tile = np.zeros((1, size.height, size.width, 3), np.uint8)
    tile[0, 2:5, 3:9] = 255  # left 3, top 2, right 8, bottom 4
    rows, columns = np.nonzero(seen.of(tile)[0, ..., 0])
    box = np.array([[columns.min(), rows.min(), columns.max(), rows.max()]], np.float64)
    assert seen.back(box, size).tolist() == [[3, 2, 8, 4]]


def test_the_published_five_are_the_turns_and_a_mirror() -> None:
    assert [len(VIEWS[name]) for name in ("one", "five", "eight")] == [1, 5, 8]
    assert len(set(VIEWS["eight"])) == 8
    assert set(VIEWS["five"]) == {View(False, 0), View(False, 1), View(False, 2), View(False, 3), View(True, 0)}
    assert VIEWS["one"] == (View(False, 0),)


def test_no_box_is_no_box() -> None:
    assert VIEWS["five"][1].back(np.empty((0, 4)), SIZES[0]).shape == (0, 4)

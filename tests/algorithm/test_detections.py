import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithm.detections import Detections

places = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 10)), max_size=12)


def made_of(rows: list[tuple[int, int, int]]) -> Detections:
    table = np.array(rows, dtype=float).reshape(-1, 3)
    return Detections(table[:, :2], table[:, 2], table[:, 2:])


@given(places, st.randoms())
def test_the_order_found_in_does_not_matter(rows: list[tuple[int, int, int]], random) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    first, second = made_of(rows), made_of(shuffled)
    assert np.array_equal(first.points, second.points)
    assert np.array_equal(first.scores, second.scores)
    assert np.array_equal(first.scores, first.member_scores[:, 0])
    assert [(y, x, s) for (x, y), s in zip(first.points, first.scores, strict=True)] == sorted(
        (y, x, s) for x, y, s in rows
    )


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="scores"):
        Detections(np.zeros((2, 2)), np.zeros(3), np.zeros((2, 1)))
    for wrong in ((np.zeros(1), np.zeros(2, bool)), (np.zeros(2), np.zeros(3, bool))):
        with pytest.raises(ValueError, match="of their type"):
            Detections(np.zeros((2, 2)), np.zeros(2), np.zeros((2, 1)), *wrong)
    with pytest.raises(ValueError, match="together or not at all"):
        Detections(np.zeros((2, 2)), np.zeros(2), np.zeros((2, 1)), np.zeros(2))


def test_select_keeps_every_column_together() -> None:
    detections = Detections([[5, 2], [1, 1]], [0.2, 0.9], [[0.1, 0.3], [0.8, 1.0]], [np.nan, 0.4], [False, True])
    assert detections.typed.tolist() == [True, False]
    chosen = detections.select(detections.scores >= 0.5)
    assert len(chosen) == 1
    assert chosen.points.tolist() == [[1, 1]]
    assert chosen.member_scores.tolist() == [[0.8, 1.0]]
    assert chosen.atypical is not None and chosen.atypical.tolist() == [0.4]
    assert chosen.called_atypical is not None and chosen.called_atypical.tolist() == [True]
    assert made_of([(1, 1, 1)]).typed.tolist() == [False]


def test_agreement_is_the_share_of_members_that_reach_the_threshold() -> None:
    detections = Detections([[0, 0], [1, 1]], [0.6, 0.3], [[0.9, 0.5, 0.4], [0.1, 0.49, 0.3]])
    assert detections.agreement(0.5) == pytest.approx([2 / 3, 0])
    assert detections.agreement(0.3) == pytest.approx([1, 2 / 3])
    alone = Detections([[0, 0], [1, 1]], [0.5, 0.4], [[0.5], [0.4]])
    assert alone.agreement(0.5).tolist() == [1, 0]


def test_empty_knows_its_members() -> None:
    empty = Detections.empty(5)
    assert len(empty) == 0
    assert empty.member_scores.shape == (0, 5)
    assert empty.agreement(0.5).shape == (0,)

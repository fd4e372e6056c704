import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithm.detectors.fusion import fuse, overlap, suppressed

SQUARE = (0.0, 0.0, 10.0, 10.0)


def shifted(dx: float, dy: float = 0.0) -> tuple[float, float, float, float]:
    return (dx, dy, 10 + dx, 10 + dy)


def drawn(seed: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Squares of 10 px about a few centres, with scores that differ and one of three sources."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 4, (count, 2)) * 12 + rng.normal(0, 2, (count, 2))
    return np.hstack((corners, corners + 10)), rng.permutation(count) / count, rng.integers(0, 3, count)


def test_overlap_by_hand() -> None:
    others = np.array([SQUARE, shifted(5), shifted(5, 5), shifted(10), (2, 2, 4, 4), (3, 3, 3, 3)])
    assert overlap(np.array(SQUARE), others) == pytest.approx([1, 50 / 150, 25 / 175, 0, 4 / 100, 0])
    assert overlap(np.zeros(4), np.zeros((1, 4))).tolist() == [0]


def test_what_a_better_box_covers_does_not_stay() -> None:
    """The third overlaps the second, which did not stay, and so stays."""
    boxes = np.array([SQUARE, shifted(2), shifted(5)])
    assert suppressed(boxes, np.array([0.9, 0.8, 0.7]), iou=0.5).tolist() == [0, 2]
    assert suppressed(boxes, np.array([0.7, 0.9, 0.8]), iou=0.2).tolist() == [1]
    assert suppressed(boxes[:0], np.empty(0), iou=0.5).tolist() == []


def test_a_fused_box_by_hand() -> None:
    """Two sources see one place, a third a place of its own."""
    boxes = np.array([SQUARE, shifted(2), shifted(40)])
    found = fuse(boxes, np.array([0.6, 0.2, 0.9]), np.array([0, 1, 2]), sources=3, iou=0.55)
    assert found.boxes == pytest.approx(np.array([shifted(40), shifted(0.5)]))
    assert found.scores == pytest.approx([0.3, 0.8 / 3])
    assert found.source_scores == pytest.approx(np.array([[0, 0, 0.9], [0.6, 0.2, 0]]))


def test_of_several_boxes_of_one_source_the_best_counts() -> None:
    found = fuse(np.array([SQUARE] * 3), np.array([0.9, 0.8, 0.7]), np.array([0, 0, 1]), sources=2, iou=0.55)
    assert found.scores == pytest.approx([0.8])
    assert found.source_scores == pytest.approx(np.array([[0.9, 0.7]]))


@given(st.integers(0, 200), st.integers(0, 25))
def test_every_box_counts_once_and_the_order_does_not_matter(seed: int, count: int) -> None:
    boxes, scores, source = drawn(seed, count)
    found = fuse(boxes, scores, source, sources=3, iou=0.55)
    assert len(found.boxes) == len(found.scores) == len(found.source_scores) <= count
    assert set(found.source_scores[found.source_scores > 0].tolist()) <= set(scores.tolist())
    best = [scores[source == each].max(initial=0) for each in range(3)]
    assert found.source_scores.max(axis=0, initial=0).tolist() == best
    shuffled = np.random.default_rng(seed).permutation(count)
    again = fuse(boxes[shuffled], scores[shuffled], source[shuffled], sources=3, iou=0.55)
    assert again.boxes == pytest.approx(found.boxes)
    assert again.scores == pytest.approx(found.scores)


def test_no_box_is_no_box() -> None:
    found = fuse(np.empty((0, 4)), np.empty(0), np.empty(0, np.int64), sources=2, iou=0.5)
    assert (found.boxes.shape, found.scores.shape, found.source_scores.shape) == ((0, 4), (0,), (0, 2))

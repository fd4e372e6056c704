"""Features in few dimensions and k-means: what is known in closed form, and what must hold for any points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from training.data import clusters
from training.data.clusters import k_means, principal_axes

POINTS = of_numpy.arrays(
    np.float64, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=st.integers(-20, 20).map(float)
)


def blobs(count: int = 40, k: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points (k * count, 8) about far corners, and which corner each is of."""
    rng = np.random.default_rng(seed)
    own = np.repeat(np.arange(k), count)
    return 10 * np.eye(8)[own] + rng.normal(0, 0.3, (k * count, 8)), own


def test_k_means_finds_what_lies_apart() -> None:
    points, own = blobs()
    found = k_means(points, 4)
    pairs = {(int(a), int(b)) for a, b in zip(own, found.labels, strict=True)}
    assert len(pairs) == 4
    means = [points[found.labels == label].mean(axis=0) for label in range(4)]
    assert found.centres == pytest.approx(np.stack(means))


def test_the_same_seed_gives_the_same_clusters() -> None:
    points = np.random.default_rng(0).normal(size=(200, 5))
    first, again = k_means(points, 6, seed=3), k_means(points, 6, seed=3)
    np.testing.assert_array_equal(first.labels, again.labels)
    np.testing.assert_array_equal(first.centres, again.centres)


@settings(max_examples=30)
@given(POINTS, st.integers(1, 6))
def test_every_point_is_with_its_nearest_centre(points: np.ndarray, k: int) -> None:
    found = k_means(points, k)
    distances = np.linalg.norm(points[:, None] - found.centres, axis=2)
    assert found.centres.shape == (min(k, len(np.unique(points, axis=0))), points.shape[1])
    assert distances[np.arange(len(points)), found.labels] == pytest.approx(distances.min(axis=1))


def test_the_best_of_ten_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    points, _ = blobs(count=8, k=8)
    starts = iter([points[:8], *[points[::8]] * 9])
    monkeypatch.setattr(clusters, "kmeans2", lambda *_, **__: (next(starts), None))
    np.testing.assert_array_equal(k_means(points, 8).centres, points[::8])


def test_the_axes_are_those_of_the_variance() -> None:
    """Of unit vectors that spread in one plane by much and in another by little."""
    wide, narrow = np.meshgrid(np.linspace(-1, 1, 21), np.linspace(-0.1, 0.1, 21))
    points = np.stack([np.full(wide.size, 10.0), narrow.ravel(), wide.ravel()], axis=1)
    found = principal_axes(points, dimensions=2).reduced(points)
    units = points / np.linalg.norm(points, axis=1, keepdims=True)
    assert found[:, 0] == pytest.approx(units[:, 2], abs=1e-6)
    assert found[:, 1] == pytest.approx(units[:, 1], abs=1e-4)


@given(POINTS.filter(lambda points: (np.abs(points).sum(axis=1) > 0).all()), st.floats(0.1, 10))
def test_all_dimensions_keep_the_distances_of_directions(points: np.ndarray, scale: float) -> None:
    found = principal_axes(points, dimensions=99).reduced(points * scale)
    assert found.shape == (len(points), min(points.shape))
    units = points / np.linalg.norm(points, axis=1, keepdims=True)
    apart = np.linalg.norm(units[:, None] - units, axis=2)
    if len(points) >= points.shape[1]:
        assert np.linalg.norm(found[:, None] - found, axis=2) == pytest.approx(apart, abs=1e-6)
    assert found.mean(axis=0) == pytest.approx(0, abs=1e-9)


def test_features_without_length_stay_finite() -> None:
    points = np.zeros((5, 3))
    assert np.isfinite(principal_axes(points).reduced(points)).all()


def test_of_many_points_some_are_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """All are divided; the centres follow from as many as are drawn."""
    monkeypatch.setattr(clusters, "FITTED", 80)
    points, own = blobs()
    assert len(np.unique(clusters.drawn(len(points), seed=0))) == 80
    found = k_means(points, 4)
    assert len(found.labels) == len(points)
    assert len({(int(a), int(b)) for a, b in zip(own, found.labels, strict=True)}) == 4

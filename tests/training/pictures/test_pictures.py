"""Points in a plane, and the pictures of clusters made of both."""

from pathlib import Path

import numpy as np
from PIL import Image

from training.pictures.clusters import write_clusters
from training.pictures.scatter import MARGIN_PX, SIDE_PX, group_colours, scatter


def cell(value: int, side: int = 12) -> np.ndarray:
    return np.full((side, side, 3), value, np.uint8)


def test_points_lie_to_scale_in_their_colours() -> None:
    """A square of corners, and one twice as far to the right."""
    points = np.array([[0.0, 0.0], [0.0, 1.0], [2.0, 0.0]])
    picture = np.asarray(scatter(points, np.array([0, 1, 2]), ["a", "b", "c"]))
    middle, reach = SIDE_PX // 2, SIDE_PX // 2 - MARGIN_PX
    colours = group_colours(3)
    assert len(set(colours)) == 3
    assert tuple(picture[middle + reach // 2, middle - reach]) == colours[0]
    assert tuple(picture[middle - reach // 2, middle - reach]) == colours[1]
    assert tuple(picture[middle + reach // 2, middle + reach]) == colours[2]


def test_points_at_one_place_are_in_the_middle() -> None:
    picture = np.asarray(scatter(np.ones((3, 2)), np.zeros(3, int), ["a"]))
    assert tuple(picture[SIDE_PX // 2, SIDE_PX // 2]) == group_colours(1)[0]


def test_every_cluster_has_a_sheet_of_its_own_crops(tmp_path: Path) -> None:
    clusters = np.array([0, 2, 2, 0, 2])
    points = np.random.default_rng(0).normal(size=(5, 4))
    write_clusters(tmp_path / "new", points, clusters, lambda number: cell(50 + number))
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "cluster-0.png",
        "cluster-2.png",
        "clusters.png",
    ]
    made = np.asarray(Image.open(tmp_path / "new" / "cluster-2.png"))
    assert [int(made[10, 10 + 18 * place, 0]) for place in range(3)] == [51, 52, 54]

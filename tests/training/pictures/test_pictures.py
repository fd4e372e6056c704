"""Points in a plane, and the pictures of clusters made of both."""

import colorsys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.pictures.clusters import write_clusters
from training.pictures.features import features_picture
from training.pictures.scatter import MARGIN_PX, SIDE_PX, group_colours, panels, scatter, shades_of


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


def test_panels_lie_side_by_side_each_as_it_is_alone() -> None:
    rng, groups, names = np.random.default_rng(0), np.array([0, 1, 0]), ["a", "b"]
    views = {"first": rng.normal(size=(3, 2)), "second": 9 * rng.normal(size=(3, 2))}
    both = np.asarray(panels(views, groups, names, group_colours(2)))
    for number, points in enumerate(views.values()):
        alone = np.asarray(scatter(points, groups, names))
        panel = both[MARGIN_PX:, number * SIDE_PX :]
        np.testing.assert_array_equal(panel[:, :SIDE_PX], alone[MARGIN_PX:, :SIDE_PX])
        assert (both[:MARGIN_PX, number * SIDE_PX :][:, :SIDE_PX] < 128).any()  # its title
    np.testing.assert_array_equal(both[:, 2 * SIDE_PX :], alone[:, SIDE_PX:])


def test_shades_of_a_colour_have_its_hue_and_differ() -> None:
    shades = shades_of(2, 4)
    assert len(set(shades)) == 8
    hues = [colorsys.rgb_to_hsv(*(part / 255 for part in shade))[0] for shade in shades]
    assert hues == pytest.approx([0.6] * 4 + [0.1] * 4, abs=0.01)


def test_features_are_drawn_by_their_direction_alone() -> None:
    """And along axes of their own: channels in another order give the same panel."""
    features, labels = np.random.default_rng(0).normal(size=(40, 6)), np.repeat([0, 1, 2, 3], 10)
    lengths = np.linspace(1, 9, 40)[:, None]
    picture = np.asarray(features_picture({"": features, " ": lengths * features[:, ::-1]}, labels, 2))
    assert picture.shape == (SIDE_PX, 2 * SIDE_PX + 240, 3)
    assert {tuple(colour) for colour in picture[:, :SIDE_PX].reshape(-1, 3)} == {*shades_of(2, 2), (255, 255, 255)}
    first, second = (picture[:, left : left + SIDE_PX - MARGIN_PX // 2] for left in (0, SIDE_PX))  # without the legend
    np.testing.assert_array_equal(second, first)


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

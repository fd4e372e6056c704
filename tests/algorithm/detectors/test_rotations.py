import numpy as np
import pytest

from algorithm.detectors.rotations import predict_turned
from algorithm.manifest import Postprocess

SIDE = 8
RULES = Postprocess(threshold=0.5, lower_threshold=0.1, dilation_radius_um=1.0, minimum_area_um2=1.875, rotations=4)
RNG = np.random.default_rng(0)


def red(tiles: np.ndarray) -> np.ndarray:
    """Two members that see each pixel for itself, however the tile lies."""
    return np.stack([tiles[..., 0] / np.float32(255), tiles[..., 0] / np.float32(510)])


def slope(tiles: np.ndarray) -> np.ndarray:
    """One member that sees the more the further right, whatever is there, and nothing in a black tile."""
    ramp = np.broadcast_to(np.linspace(0, 1, SIDE, dtype=np.float32), (SIDE, SIDE))
    return np.stack([ramp * (tile.max() > 0) for tile in tiles])[None]


def test_a_network_that_does_not_care_how_tiles_lie_answers_as_before() -> None:
    tiles = RNG.integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)
    assert predict_turned(red, tiles, RULES) == pytest.approx(red(tiles), abs=1e-6)


def test_the_mean_is_over_four_quarter_turns_in_their_place() -> None:
    """A slope to the right, turned back, is a slope to each of four sides; opposite ones sum to one everywhere."""
    tiles = np.full((2, SIDE, SIDE, 3), 255, np.uint8)
    assert predict_turned(slope, tiles, RULES) == pytest.approx(np.full((1, 2, SIDE, SIDE), 0.5), abs=1e-6)
    once = RULES.model_copy(update={"rotations": 1})
    assert (predict_turned(slope, tiles, once) == slope(tiles)).all()


def test_only_tiles_with_a_candidate_are_looked_at_again() -> None:
    seen = []

    def counted(tiles: np.ndarray) -> np.ndarray:
        seen.append(len(tiles))
        return slope(tiles)

    tiles = np.zeros((5, SIDE, SIDE, 3), np.uint8)
    tiles[[1, 3]] = 255
    found = predict_turned(counted, tiles, RULES)
    assert seen == [5, 2, 2, 2]
    assert found[0, [1, 3]] == pytest.approx(0.5, abs=1e-6)
    assert (found[0, [0, 2, 4]] == 0).all()
    seen.clear()
    predict_turned(counted, tiles[[0, 2]], RULES)
    assert seen == [2]


def test_what_lies_skew_in_a_tile_keeps_its_place() -> None:
    """What is turned is turned back, not on."""
    tiles = np.zeros((1, SIDE, SIDE, 3), np.uint8)
    tiles[0, 1, 5] = 255
    (found,) = predict_turned(red, tiles, RULES)[0]
    assert np.argwhere(found > 0.5).tolist() == [[1, 5]]

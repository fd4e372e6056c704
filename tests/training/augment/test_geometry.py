"""Turning, scaling and flipping, against torch's own turns and plain trigonometry."""

import math

import numpy as np
import pytest
import torch

from algorithm.size import Size
from training.augment.geometry import bend, cut_tiles, flip_and_turn, window_size
from training.recipe import AugmentSettings

NO_TURN, NO_SCALE = torch.zeros(1), torch.ones(1)


def noise(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def test_nothing_changes_nothing() -> None:
    windows = noise(2, 4, 24, 24)
    tiles = cut_tiles(windows, Size.square(24), torch.ones(2), torch.zeros(2))
    torch.testing.assert_close(tiles, windows, rtol=0, atol=1e-5)


def test_the_middle_of_a_larger_window_is_cut() -> None:
    windows = noise(1, 4, 40, 50)
    tiles = cut_tiles(windows, Size(30, 24), NO_SCALE, NO_TURN)
    torch.testing.assert_close(tiles, windows[..., 8:32, 10:40], rtol=0, atol=1e-5)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_are_torchs(quarters: int) -> None:
    windows = noise(1, 4, 30, 24)
    size = Size(24, 30) if quarters == 2 else Size(30, 24)
    turned = cut_tiles(windows, size, NO_SCALE, torch.tensor([quarters * math.pi / 2]))
    torch.testing.assert_close(turned, torch.rot90(windows, quarters, (2, 3)), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("scale", "angle"), [(1.0, 0.5), (2.0, 0.0), (0.7, 2.0), (1.3, -1.1)])
def test_a_dot_goes_where_trigonometry_says(scale: float, angle: float) -> None:
    tile = Size(41, 33)
    rows, columns = torch.meshgrid(torch.arange(71.0), torch.arange(81.0), indexing="ij")
    dot = torch.exp(-((columns - 45) ** 2 + (rows - 32) ** 2) / 8)[None, None]
    found = cut_tiles(dot, tile, torch.tensor([scale]), torch.tensor([angle]))[0, 0]
    rows, columns = rows[: tile.height, : tile.width], columns[: tile.height, : tile.width]
    centre = torch.stack([(found * columns).sum(), (found * rows).sum()]) / found.sum() - torch.tensor([20, 16])
    x, y = 45 - 40, 32 - 35
    expected = torch.tensor([x * math.cos(angle) + y * math.sin(angle), -x * math.sin(angle) + y * math.cos(angle)])
    torch.testing.assert_close(centre, scale * expected, rtol=0, atol=0.1)
    assert float(found.sum() / dot.sum()) == pytest.approx(scale**2, rel=0.05)


def test_each_window_has_its_own_scale_and_angle() -> None:
    windows = noise(2, 3, 24, 24)
    scales, angles = torch.tensor([1.0, 1.5]), torch.tensor([0.3, 0.0])
    together = cut_tiles(windows, Size.square(16), scales, angles)
    for number in range(2):
        part = slice(number, number + 1)
        torch.testing.assert_close(
            together[part], cut_tiles(windows[part], Size.square(16), scales[part], angles[part])
        )


@pytest.mark.parametrize(
    ("tile", "settings", "window"),
    [
        (Size(64, 64), {}, (64, 64)),
        (Size(64, 64), {"scale": (0.8, 1.2)}, (80, 80)),
        (Size(96, 64), {"scale": (1.1, 1.2), "scale_negatives": (0.5, 3.0)}, (192, 128)),
        (Size(64, 64), {"rotation": 0.1}, (92, 92)),
        (Size(1920, 1280), {"rotation": 1.0}, (2308, 2308)),
        (Size(1920, 1280), {"rotation": 1.0, "rotation_degrees": 15}, (2186, 1734)),
    ],
)
def test_a_window_is_no_larger_than_its_tiles_need(tile: Size, settings: dict[str, object], window: Size) -> None:
    """Enlarged by the smallest magnification, and as far as corners reach: the diagonal, where tiles turn so far."""
    assert window_size(tile, AugmentSettings(**settings)) == window


@pytest.mark.parametrize("degrees", [5, 30, 60, 180])
def test_a_window_holds_every_tile_that_is_cut_from_it(degrees: float) -> None:
    """Turned by any angle up to the largest, no corner leaves it, and some comes within two pixels of each side."""
    tile = Size(96, 40)
    angles = np.radians(np.linspace(-degrees, degrees, 721))
    turned = np.stack([np.cos(angles), -np.sin(angles)]), np.stack([np.sin(angles), np.cos(angles)])
    corners = np.array([(48, 20), (48, -20)])
    reach = np.array([np.abs(corners @ axis).max() for axis in turned])
    margins = np.array(window_size(tile, AugmentSettings(rotation=1.0, rotation_degrees=degrees))) / 2 - reach
    assert (margins >= 0).all()
    assert (margins < 2).all()


def test_rectangles_come_in_their_four_orientations() -> None:
    tile = noise(2, 3, 5)
    turned = flip_and_turn(tile.expand(100, 2, 3, 5), torch.Generator().manual_seed(0))
    four = [tile.flip(axes) for axes in ((), (1,), (2,), (1, 2))]
    counts = [sum(torch.equal(one, orientation) for one in turned) for orientation in four]
    assert sum(counts) == 100
    assert min(counts) > 8


def test_tiles_come_in_all_eight_orientations() -> None:
    tile = noise(2, 5, 5)
    turned = flip_and_turn(tile.expand(200, 2, 5, 5), torch.Generator().manual_seed(0))
    eight = [part for k in range(4) for part in (torch.rot90(tile, k, (1, 2)), torch.rot90(tile, k, (1, 2)).flip(1))]
    counts = [sum(torch.equal(one, orientation) for one in turned) for orientation in eight]
    assert sum(counts) == 200
    assert min(counts) > 8


def test_bending_moves_some_tiles_by_a_little() -> None:
    """Of a slope of one grey level a px, a pixel says by how far it was moved along it: about a px for 30 and 5."""
    slope = torch.arange(80.0).expand(2, 1, 80, 80)
    bent = bend(slope, 30.0, 5.0, torch.tensor([True, False]), torch.Generator().manual_seed(0))
    assert torch.equal(bent[1], slope[1])
    moves = (bent - slope)[0, 0, 10:-10, 10:-10]
    assert 0.5 < moves.std() < 1.6
    assert moves.diff(dim=0).abs().max() < 1  # near pixels come from near


def test_bending_by_nothing_changes_nothing() -> None:
    tiles = noise(2, 4, 24, 24)
    found = bend(tiles, 1e-6, 5.0, torch.ones(2, dtype=torch.bool), torch.Generator().manual_seed(0))
    torch.testing.assert_close(found, tiles, rtol=0, atol=1e-5)

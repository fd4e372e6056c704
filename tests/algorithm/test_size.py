import pytest
from pydantic import ValidationError

from algorithm.settings import Settings, first_problem
from algorithm.size import Size, TileSize


class Tiles(Settings):
    tile_px: TileSize


@pytest.mark.parametrize("written", [128, [1920, 1280]])
def test_a_size_is_written_as_it_was_read(written: object) -> None:
    tiles = Tiles(tile_px=written)
    assert tiles.model_dump(mode="json") == {"tile_px": written}
    assert Tiles.model_validate(tiles.model_dump(mode="json")) == tiles


def test_a_square_is_one_however_it_is_written() -> None:
    assert Tiles(tile_px=64) == Tiles(tile_px=[64, 64]) == Tiles(tile_px=Size.square(64))
    assert Tiles(tile_px=[64, 64]).model_dump(mode="json") == {"tile_px": 64}
    assert [str(size) for size in (Size(64, 64), Size(96, 64))] == ["64", "96 x 64"]


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (8, "tile_px.0: should be greater than or equal to 16"),
        ([64, 5000], "tile_px.1: should be less than or equal to 4096"),
        ([64], "tile_px: give the side of a square, or a width and a height"),
        ([64, 64, 3], "tile_px: give the side of a square, or a width and a height"),
        ("wide", "tile_px.0: should be a valid integer, unable to parse string as an integer"),
    ],
)
def test_what_is_no_size_is_refused(written: object, problem: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Tiles(tile_px=written)
    assert first_problem(raised.value) == problem

"""How large tiles are, in px: squares by their side, other rectangles by width and height."""

from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field, PlainSerializer

Side = Annotated[int, Field(ge=16, le=4096)]


class Size(NamedTuple):
    """A width and a height, px."""

    width: Side
    height: Side

    @classmethod
    def square(cls, side: int) -> "Size":
        """Of a square."""
        return cls(side, side)

    @property
    def is_square(self) -> bool:
        """Whether it stays what it is when turned by a quarter."""
        return self.width == self.height

    @property
    def written(self) -> int | tuple[int, int]:
        """As recipes and manifests have it: the side of a square, else width and height."""
        return self.width if self.is_square else (self.width, self.height)

    def __str__(self) -> str:
        return str(self.width) if self.is_square else f"{self.width} x {self.height}"


def _both_sides(value: Any) -> Any:
    """A width and a height, of which a square has but one."""
    if not isinstance(value, list | tuple):
        return value, value
    if len(value) != 2:
        raise ValueError("give the side of a square, or a width and a height")
    return value


TileSize = Annotated[Size, BeforeValidator(_both_sides), PlainSerializer(lambda size: size.written)]
"""The size of tiles in settings."""

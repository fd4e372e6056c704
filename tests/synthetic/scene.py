"""A region of tissue and single patches, drawn from a seed, with what was drawn where."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tests.synthetic.figures import ATYPICAL, NORMAL, mitotic_figure
from tests.synthetic.landscape import Landscape, fill, landscape
from tests.synthetic.lookalikes import LOOK_ALIKES
from tests.synthetic.nuclei import interphase, lymphocyte, red_cell, spindle
from tests.synthetic.optics import Scanner, scan
from tests.synthetic.shapes import Array, Generator
from tests.synthetic.stamps import lay

FIGURES = (
    *["metaphase"] * 3,
    *["polar metaphase"] * 2,
    *["prometaphase"] * 2,
    *["anaphase", "telophase"],
    *["tripolar metaphase", "stray chromosomes", "anaphase bridge"],
)
OTHERS = (
    *["pyknotic cell"] * 2,
    *["apoptotic cell"] * 2,
    *["dark nucleus"] * 3,
    *["lymphocyte"] * 2,
    "pigment",
)
BORDER_PX = 64


@dataclass(frozen=True)
class Drawn:
    """One thing drawn: its kind, and its middle in px."""

    kind: str
    x: int
    y: int

    @property
    def mitotic(self) -> bool:
        """Whether it is a mitotic figure."""
        return self.kind in NORMAL or self.kind in ATYPICAL

    @property
    def atypical(self) -> bool:
        """Whether it is an atypical mitotic figure."""
        return self.kind in ATYPICAL


@dataclass(frozen=True)
class Drawing:
    """A drawn picture: pixels (height, width, 3) uint8 RGB, what it shows, and where it is empty (bool)."""

    pixels: NDArray[np.uint8]
    drawn: tuple[Drawn, ...]
    empty: NDArray[np.bool_]

    @property
    def figures(self) -> tuple[Drawn, ...]:
        """The mitotic figures."""
        return tuple(d for d in self.drawn if d.mitotic)

    @property
    def look_alikes(self) -> tuple[Drawn, ...]:
        """What could be taken for a mitotic figure."""
        return tuple(d for d in self.drawn if d.kind in LOOK_ALIKES)

    @property
    def nuclei(self) -> tuple[Drawn, ...]:
        """The interphase nuclei of the tumour."""
        return tuple(d for d in self.drawn if d.kind == "nucleus")


def draw_region(
    seed: int,
    size: int = 1024,
    glass_px: int = 110,
    figures: tuple[str, ...] = FIGURES,
    others: tuple[str, ...] = OTHERS,
) -> Drawing:
    """A square region of tumour, stroma and glass with these figures and look-alikes; the same for the same seed."""
    rng = np.random.default_rng(seed)
    land = landscape(rng, size, glass_px)
    depth = land.depth("nest")
    kinds = [*figures, *others]
    inside = depth.copy()
    inside[:BORDER_PX], inside[-BORDER_PX:], inside[:, :BORDER_PX], inside[:, -BORDER_PX:] = 0, 0, 0, 0
    special = scatter(rng, inside > 26, len(kinds), 76.0, np.empty((0, 2)))
    if len(special) < len(kinds):
        raise ValueError(f"A region of {size} px has no room for {len(kinds)} figures and look-alikes: draw it larger.")
    return _populate(rng, land, depth, list(zip(kinds, special.tolist(), strict=True)), Scanner())


def draw_patch(seed: int, kind: str, size: int = 128, scanner: Scanner | None = None) -> Drawing:
    """A patch with one figure or look-alike in its middle."""
    rng = np.random.default_rng(seed)
    wide = size + 64
    land = replace(landscape(rng, wide, 0, stroma=0.12), empty=np.zeros((wide, wide)))
    drawing = _populate(rng, land, land.depth("nest"), [(kind, [wide // 2, wide // 2])], scanner or Scanner())
    crop = slice(32, 32 + size)
    drawn = tuple(replace(d, x=d.x - 32, y=d.y - 32) for d in drawing.drawn)
    return Drawing(drawing.pixels[crop, crop], drawn, drawing.empty[crop, crop])


def scatter(rng: Generator, allowed: NDArray[np.bool_], count: int, spacing: float, taken: Array) -> Array:
    """Up to `count` places (N, 2) x, y where `allowed`, `spacing` px from each other and from those `taken`."""
    rows, columns = np.nonzero(allowed)
    places = np.empty((0, 2))
    for pick in rng.integers(0, max(len(rows), 1), 30 * count) if len(rows) else ():
        place = np.array([columns[pick], rows[pick]], dtype=np.float64)
        if all(np.hypot(*(others - place).T).min(initial=np.inf) >= spacing for others in (places, taken)):
            places = np.vstack([places, place])
            if len(places) == count:
                break
    return places


def _populate(
    rng: Generator, land: Landscape, depth: Array, special: list[tuple[str, list[float]]], scanner: Scanner
) -> Drawing:
    """Fill the land, lay the cells, then the figures and look-alikes on top, and scan it."""
    middles = np.array([place for _, place in special]).reshape(-1, 2)
    area = float((depth > 0).sum())
    roomy = scatter(rng, depth > 8, int(area / 2600), 38.0, _around(middles))
    tight = scatter(rng, depth > 6, int(area / 9000), 30.0, np.vstack([roomy, _around(middles)]))
    tumour = np.vstack([roomy, tight])
    slide = fill(rng, land, np.vstack([tumour, middles]))
    for x, y in tumour.astype(int):
        lay(slide, interphase(rng), x, y)
    _settle_stroma(rng, slide, land)
    for kind, (x, y) in special:
        piece = LOOK_ALIKES[kind](rng) if kind in LOOK_ALIKES else mitotic_figure(rng, kind)
        lay(slide, piece, int(x), int(y))
    drawn = [Drawn(kind, int(x), int(y)) for kind, (x, y) in special]
    drawn += [Drawn("nucleus", int(x), int(y)) for x, y in tumour]
    return Drawing(scan(slide, scanner, rng), tuple(drawn), land.empty > 0.5)


def _around(middles: Array) -> Array:
    """Places about each figure that no nucleus may come near."""
    turns = np.arange(6) * np.pi / 3
    ring = 14.0 * np.stack([np.cos(turns), np.sin(turns)], axis=-1)
    return (middles[:, None] + ring).reshape(-1, 2)


def _settle_stroma(rng: Generator, slide: Array, land: Landscape) -> None:
    """Lay spindle nuclei, clusters of lymphocytes and a few red cells in the stroma, in place."""
    depth = land.depth("stroma")
    area = float((depth > 0).sum())
    places = scatter(rng, depth > 5, int(area / 2600), 26.0, np.empty((0, 2)))
    for x, y in places.astype(int):
        lay(slide, spindle(rng, land.angle[y, x]), x, y)
    for x, y in scatter(rng, depth > 14, int(area / 20000), 60.0, np.empty((0, 2))):
        draw, count = (red_cell, 5) if rng.random() < 0.3 else (lymphocyte, 7)
        near = np.hypot(*(np.indices(depth.shape)[::-1] - np.array([x, y])[:, None, None])) < 48
        for inner_x, inner_y in scatter(rng, near & (depth > 8), count, 19.0, np.empty((0, 2))).astype(int):
            lay(slide, draw(rng), inner_x, inner_y)

"""Crops about nuclei: which show a mitotic figure, which do not, and which are left out.

Source: MitDet (Wang, Lin, Li et al.), section 3.1: figures are sought among nuclei, squares about each of which a
network judges. When a crop counts as showing a figure is this project's choice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from algorithm.errors import InputError
from algorithm.patches import first_px
from training.data.regions import Pixels, Points, Region, read_padded

FIGURE_REACH_UM = 7.5
"""How far from a crop's centre a figure may be that it shows."""
Find = Callable[[Region], Points]
"""The centres of a region's nuclei, (N, 2) px, x then y."""


@dataclass(frozen=True, eq=False)
class Crops:
    """N places of some regions.

    region: (N,) int64, numbers of the regions. points: (N, 2) float64, px, x then y. classes: (N,) int64, 1 where there
    is a figure.
    """

    regions: Sequence[Region]
    region: NDArray[np.int64]
    points: NDArray[np.float64]
    classes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.region)

    def pixels(self, number: int, side_px: int, shift_px: tuple[float, float] = (0.0, 0.0)) -> Pixels:
        """The square about a place, or beside it by (x, y), as the algorithm cuts it."""
        x, y = (first_px(float(centre), side_px) for centre in self.points[number] + shift_px)
        return read_padded(self.of(number), x, y, side_px, side_px)

    def of(self, number: int) -> Region:
        """The region of a place."""
        return self.regions[self.region[number]]

    def of_look_alikes(self) -> NDArray[np.int64]:
        """The numbers of those without a figure that lie at a look-alike of their region."""
        known = [set(map(tuple, region.hard_negatives.tolist())) for region in self.regions]
        at = [tuple(place) in known[of] for place, of in zip(self.points.tolist(), self.region.tolist(), strict=True)]
        return np.flatnonzero(np.array(at, np.bool_) & (self.classes == 0))

    def taken(self, numbers: NDArray[np.int64]) -> "Crops":
        """Some of them."""
        return Crops(self.regions, self.region[numbers], self.points[numbers], self.classes[numbers])


def crops_of(
    regions: Sequence[Region],
    find: Find,
    side_px: int,
    reach_um: float = FIGURE_REACH_UM,
    advance: Callable[[], None] = lambda: None,
) -> Crops:
    """The crops of all regions: about every figure, and about the nuclei that `find` gives.

    A nucleus is a figure's if there is one within reach of it; where one is farther away but still in the square of
    side_px, it is left out. advance is called after every region. Raises InputError where there is no figure, or
    nothing else.
    """
    numbers, points, classes = [], [], []
    for number, region in enumerate(regions):
        nuclei, of_nuclei = labelled(find(region), region.figures, side_px, reach_um / region.spacing_um)
        points += [region.figures, nuclei]
        classes += [np.ones(len(region.figures), np.int64), of_nuclei]
        numbers.append(np.full(len(region.figures) + len(nuclei), number))
        advance()
    found = Crops(regions, *(np.concatenate(of) for of in (numbers, points, classes)))
    if len(set(found.classes.tolist())) < 2:
        raise InputError("The fold lacks mitotic figures or other nuclei.", "Give more data, or fewer folds.")
    return found


def labelled(nuclei: Points, figures: Points, side_px: int, reach_px: float) -> tuple[Points, NDArray[np.int64]]:
    """The nuclei (N, 2) that are not left out, and their classes."""
    if not len(figures) or not len(nuclei):
        return nuclei, np.zeros(len(nuclei), np.int64)
    tree = cKDTree(figures)
    near = tree.query(nuclei)[0] <= reach_px
    in_sight = tree.query(nuclei, p=np.inf)[0] <= side_px / 2
    kept = near | ~in_sight
    return nuclei[kept], near[kept].astype(np.int64)

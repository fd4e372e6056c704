"""What the clusters of crops look like: all in a plane, and a sheet of each."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.regions import Pixels
from training.pictures.scatter import scatter
from training.pictures.sheet import Cell, sheet_of, shown_of

SHOWN = 50


def write_clusters(
    folder: Path, points: NDArray[np.floating], clusters: NDArray[np.integer], crop: Callable[[int], Pixels]
) -> None:
    """clusters.png, the crops' points (N, D) in the plane of their first two axes, and cluster-N.png of each cluster.

    clusters: (N,), which one each is in; crop: a crop's pixels by its number, of which at most fifty of a cluster are
    shown, evenly spaced over all of it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    there = np.unique(clusters).tolist()
    names = [f"cluster {number}" for number in range(max(there) + 1)]
    scatter(points[:, :2], clusters, names).save(folder / "clusters.png")
    for number in there:
        members = np.flatnonzero(clusters == number)
        cells = [Cell(crop(int(members[place]))) for place in shown_of(len(members), SHOWN)]
        caption = f"{names[number]}: {len(cells)} of {len(members)} crops"
        sheet_of(cells, caption).save(folder / f"cluster-{number}.png")

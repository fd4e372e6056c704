"""Mining look-alikes: what a run takes for something where no mitotic figure is.

Source: the RTMDet-S entry to MIDOG 2025 ("bag of tricks", arXiv 2508.19804), which ran its detector over patches of
necrosis and debris, and trained again with every prediction from a score of 0.25 on as a look-alike.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pictures
from scipy.spatial import cKDTree

from algorithm.merging import merged_into
from evaluation.matching import RADIUS_MM
from training.checkpoints import BEST, load_checkpoint
from training.data.look_alikes import LookAlike
from training.data.regions import Points, Region, read_padded
from training.data.stain_template import as_template
from training.models.build import build_model
from training.pictures.sheet import Cell, sheet_of, shown_of
from training.recipe import BoxesRecipe, DetectionRecipe, NucleiRecipe
from training.systems.boxes import BoxPredictor
from training.systems.nuclei import CropPredictor
from training.systems.segmentation import TilePredictor
from training.validation import Finder, detections_in

SAME_UM = 1000 * RADIUS_MM
"""Two points no further apart are one look-alike: so near to a figure the challenge takes a detection for it."""
CLEAR_UM = 2 * SAME_UM
"""A look-alike is further than this from every annotated figure: no place is then within reach of both, and the second
plate of a late figure, whose centre lies between two, is none."""
SIDE_UM, CELL_PX = 24.0, 128


@dataclass(frozen=True)
class Counts:
    """What became of the predictions: near_figures: too near to an annotated figure. known: annotated or mined before,
    or one with a better one."""

    regions: int = 0
    area_mm2: float = 0.0
    predictions: int = 0
    near_figures: int = 0
    known: int = 0
    look_alikes: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        mine, others = asdict(self), asdict(other)
        return Counts(**{key: mine[key] + others[key] for key in mine})


Mined = list[tuple[Region, LookAlike]]


class Miner:
    """A run that looks for look-alikes which are not known yet, for the round after those that gave the known ones.

    Whatever it predicts from the threshold on counts, of whichever class.
    """

    def __init__(
        self, run: Path, recipe: DetectionRecipe, threshold: float, known: Sequence[LookAlike], device: torch.device
    ) -> None:
        self.run, self.recipe, self.threshold = run, recipe, threshold
        model = build_model(recipe.model, load_checkpoint(run / BEST)["model"]).to(device)
        self.predict = predict_any_class(recipe, model, device)
        self.round = max((each.mined_in for each in known), default=0) + 1
        self._known: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for each in known:
            self._known.setdefault((each.data_set, each.region), []).append((each.x, each.y))

    def mine(self, data_set: str, regions: Iterable[Region], advance: Callable[[], None]) -> tuple[Mined, Counts]:
        """The look-alikes of a data set, each with its region; advance is called after every region."""
        mined, counts = [], Counts()
        for region in regions:
            points, scores, more = self._look_at(region, self._known.get((data_set, region.name), []))
            for (x, y), score in zip(points.tolist(), scores.tolist(), strict=True):
                about = (data_set, region.name, region.width, region.height)
                mined.append((region, LookAlike(*about, x, y, score, self.round, str(self.run))))
            counts += more
            advance()
        return mined, counts

    def _look_at(self, region: Region, known: list[tuple[float, float]]) -> tuple[Points, NDArray[np.float64], Counts]:
        """Points (N, 2), px of the region, and scores (N,) of its look-alikes, and what else there was."""
        seen = as_template(region, self.recipe.stain_normalisation, self.recipe.seed)
        (found,) = detections_in(seen, self.predict, self.recipe, [self.recipe.postprocess], [self.threshold])
        others = np.concatenate((region.hard_negatives, np.reshape(known, (-1, 2))))
        free = _further(found.points, region.figures, CLEAR_UM / region.spacing_um)
        new = free & _further(found.points, others, SAME_UM / region.spacing_um)
        points, scores = found.points[new], found.scores[new]
        alone = merged_into(points, scores, SAME_UM / region.spacing_um) == np.arange(len(points))
        counts = Counts(
            regions=1,
            area_mm2=region.width * region.height * (region.spacing_um / 1000) ** 2,
            predictions=len(found),
            near_figures=int((~free).sum()),
            known=int(free.sum() - alone.sum()),
            look_alikes=int(alone.sum()),
        )
        return points[alone], scores[alone], counts


def predict_any_class(recipe: DetectionRecipe, model: torch.nn.Module, device: torch.device) -> Finder:
    """The network as the algorithm's detector calls it, but that a box of any class counts as one of a figure."""
    if isinstance(recipe, NucleiRecipe):
        return CropPredictor(model, recipe.input, device)
    if not isinstance(recipe, BoxesRecipe):
        return TilePredictor(model, recipe.input, device)
    boxes = BoxPredictor(model, recipe.input, device)

    def predict(tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Tiles (B, T, T, 3) uint8 to boxes and the largest of their logits (1, B, 5, N)."""
        answers = boxes(tiles)
        return np.concatenate((answers[:, :, :4], answers[:, :, 4:].max(axis=2, keepdims=True)), axis=2)

    return predict


def contact_sheet(mined: Mined) -> Pictures.Image:
    """At most 100 look-alikes, evenly spaced over all by falling score, in windows of 24 um with their scores."""
    ranked = sorted(mined, key=lambda pair: -pair[1].score)
    shown = shown_of(len(ranked))
    caption = f"{len(shown)} of {len(ranked)} look-alikes by falling score, {SIDE_UM:g} um wide"
    return sheet_of([_cell(*ranked[number]) for number in shown], caption)


def _cell(region: Region, look_alike: LookAlike) -> Cell:
    side = round(SIDE_UM / region.spacing_um)
    x, y = round(look_alike.x) - side // 2, round(look_alike.y) - side // 2
    pixels = Pictures.fromarray(read_padded(region, x, y, side, side))
    enlarged = np.asarray(pixels.resize((CELL_PX, CELL_PX), Pictures.Resampling.BICUBIC))
    return Cell(enlarged, label=f"{look_alike.score:.3f}")


def _further(points: Points, others: Points, distance_px: float) -> NDArray[np.bool_]:
    """Which of the points (N, 2) have none of the others (K, 2) within the distance."""
    if not len(points) or not len(others):
        return np.ones(len(points), np.bool_)
    nearest, _ = cKDTree(others).query(points)
    return np.asarray(nearest > distance_px)

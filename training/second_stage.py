"""A detector's second stage where its runs are measured, and in the bundle that they become.

Training itself knows nothing of it: no batch and no loss, and mining neither.
"""

import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from algorithm.bundle import MANIFEST_FILE, load_second_stage
from algorithm.detections import Detections
from algorithm.detectors.second_stage import SecondStage
from algorithm.images.resampled import ResampledImage
from algorithm.manifest import InnerBundle
from training.data.regions import Region, RegionImage
from training.digest import digest

FOLDER = "second_stage"


def confirmed(found: Sequence[Detections], region: Region, bundle: Path) -> list[Detections]:
    """Of each of these, found in a region (its px), the detections that the second stage too takes for figures.

    That does not depend on the detector's threshold, to which the algorithm brings the second stage's. It looks at the
    region as it was published, at a resolution of its own, and at each place once. Raises BundleError as
    load_second_stage does.
    """
    stage = _opened(bundle)
    places, place_of = np.unique(np.concatenate([each.points for each in found]), axis=0, return_inverse=True)
    image = RegionImage(region if region.published is None else region.published)
    points = ResampledImage(image, region.spacing_um).to_level0(places)
    figures = (stage.probabilities(image, points) >= stage.threshold)[place_of.reshape(-1)]
    ends = np.cumsum([len(each) for each in found])
    return [each.select(own) for each, own in zip(found, np.split(figures, ends[:-1]), strict=True)]


@cache
def _opened(bundle: Path) -> SecondStage:
    return SecondStage(load_second_stage(bundle))


def take_along(bundle: Path, folder: Path) -> None:
    """Copy a second stage into the folder of a bundle; raises BundleError as load_second_stage does."""
    inner = folder / FOLDER
    inner.mkdir()
    for file in load_second_stage(bundle).files:
        shutil.copyfile(file, inner / file.name)


def entry(folder: Path) -> InnerBundle:
    """What the manifest of a bundle says of the second stage in its folder."""
    return InnerBundle(folder=FOLDER, sha256=digest(folder / FOLDER / MANIFEST_FILE))

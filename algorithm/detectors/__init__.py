"""Ways of detecting mitotic figures, each made from a bundle."""

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from algorithm.boxes_manifest import BoxesManifest
from algorithm.bundle import Bundle
from algorithm.detections import Detections
from algorithm.detectors import boxes, segmentation
from algorithm.detectors.base import Progress, Result
from algorithm.detectors.boxes import BoxesSettings
from algorithm.detectors.segmentation import SegmentationSettings
from algorithm.images.base import Image
from algorithm.images.resampled import ResampledImage
from algorithm.runtime import BoxEnsemble, DeviceOption, Ensemble, Members
from algorithm.tiles import TileGrid
from algorithm.tissue import TissueMap, tissue_map

__all__ = ["Detector", "Progress", "Result", "Survey", "load"]

Find = Callable[..., Detections]
"""`detect` of one of the ways, which knows its network and settings already."""


class Survey(NamedTuple):
    """An image at a bundle's resolution, where it holds tissue, the tiles to run, and the seconds it took to look."""

    view: ResampledImage
    tissue: TissueMap
    grid: TileGrid
    seconds: float


class Detector:
    """A bundle ready to run on images, one after the other.

    device, providers: what its sessions say they use. overlap, postprocess: the bundle's, or what was asked for.
    """

    def __init__(
        self, bundle: Bundle, members: Members, settings: SegmentationSettings | BoxesSettings, find: Find
    ) -> None:
        self.bundle = bundle
        self.device, self.providers = members.device, members.providers
        self.overlap, self.postprocess = settings.overlap, settings.postprocess
        self._settings = settings
        self._find = partial(find, members=len(bundle.manifest.members), batch_size=members.batch_size)

    @property
    def threshold(self) -> float:
        """The decision threshold."""
        return self.postprocess.threshold

    @property
    def parts(self) -> tuple["Detector"]:
        """Itself: the detectors of its bundles, of which a mixed ensemble has several."""
        return (self,)

    def detect(self, image: Image, progress: Progress | None = None) -> Result:
        """Find mitotic figures in an open image, at the bundle's resolution; points are in level-0 px.

        On the CPU the same image gives the same bytes. Raises InputError where the image turns out to be damaged.
        """
        return self.detect_in(self.survey(image), progress)

    def survey(self, image: Image) -> Survey:
        """Look where an open image holds tissue; raises as `detect` does."""
        start = time.perf_counter()
        view = ResampledImage(image, self.bundle.manifest.input.resolution_um_px)
        tissue = tissue_map(view)
        return Survey(view, tissue, self._settings.grid(tissue), time.perf_counter() - start)

    def detect_in(self, survey: Survey, progress: Progress | None = None) -> Result:
        """The second half of `detect`, once its own survey is done."""
        start = time.perf_counter()
        view, tissue, grid, tissue_seconds = survey
        detections = self._find(view, tissue=tissue, progress=progress)
        seconds = {"tissue": tissue_seconds, "detection": time.perf_counter() - start}
        return Result(detections, self.threshold, tissue.area_mm2, grid.total, grid.with_tissue, seconds)


def load(
    bundle: Bundle, device: DeviceOption = "auto", overlap: float | None = None, threshold: float | None = None
) -> Detector:
    """The detector of a bundle, with its overlap and decision threshold or with others.

    A threshold under the bundle's lower one takes that along. Raises BundleError and AlgorithmError as Members does.
    """
    manifest = bundle.manifest
    tiling = {"tile_px": manifest.input.tile_px, "overlap": manifest.input.overlap if overlap is None else overlap}
    chosen = manifest.postprocess.threshold if threshold is None else threshold
    if isinstance(manifest, BoxesManifest):
        finder = BoxEnsemble(bundle, device)
        by_boxes = BoxesSettings(**tiling, postprocess=manifest.postprocess.at(chosen))
        return Detector(bundle, finder, by_boxes, partial(boxes.detect, predict=finder.answers, settings=by_boxes))
    ensemble = Ensemble(bundle, device)
    settings = SegmentationSettings(**tiling, postprocess=manifest.postprocess.at(chosen))
    return Detector(bundle, ensemble, settings, partial(segmentation.detect, predict=ensemble, settings=settings))

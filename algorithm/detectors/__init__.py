"""Ways of detecting mitotic figures, each made from a bundle."""

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from algorithm.boxes_manifest import BoxesManifest
from algorithm.bundle import Bundle
from algorithm.detections import Detections
from algorithm.detectors import boxes, candidates, nuclei, segmentation
from algorithm.detectors.base import Judging, Progress, Result
from algorithm.detectors.boxes import BoxesSettings
from algorithm.detectors.nuclei import NucleiSettings
from algorithm.detectors.second_stage import SecondStage
from algorithm.detectors.segmentation import SegmentationSettings
from algorithm.errors import AlgorithmError
from algorithm.images.base import Image
from algorithm.images.resampled import ResampledImage
from algorithm.nuclei_manifest import NucleiManifest
from algorithm.runtime import BoxEnsemble, CropEnsemble, DeviceOption, Ensemble, Members
from algorithm.tissue import TissueMap, tissue_map

__all__ = ["Detector", "Judging", "Progress", "Result", "Survey", "load"]

TileSettings = SegmentationSettings | BoxesSettings
Find = Callable[..., Detections]
"""One of the ways of detecting, of which only what the names below leave open is still to be given."""


class Work(NamedTuple):
    """What is to be done on an image: `run` of `total` tiles or crops; find: does it, given `progress`."""

    total: int
    run: int
    find: Find


class Survey(NamedTuple):
    """Where an image holds tissue at a bundle's resolution, the work there, and the seconds it took to look."""

    image: Image
    tissue: TissueMap
    work: Work
    seconds: float


class Detector:
    """A bundle ready to run on images, one after the other.

    device, providers: what its sessions say they use. settings, overlap, postprocess: the bundle's, or what was asked
    for; the overlap is None where there are no tiles. second_stage: judges all that is found, where the bundle has one.
    plan: the work on a view of an image with this tissue.
    """

    def __init__(
        self,
        bundle: Bundle,
        members: Members,
        settings: TileSettings | NucleiSettings,
        plan: Callable[[ResampledImage, TissueMap], Work],
    ) -> None:
        self.bundle = bundle
        self.device, self.providers = members.device, members.providers
        second = bundle.second_stage
        self.second_stage = None if second is None else SecondStage(second, members.device)
        self.settings, self.postprocess = settings, settings.postprocess
        self.overlap = None if isinstance(settings, NucleiSettings) else settings.overlap
        self._plan = plan

    @property
    def threshold(self) -> float:
        """The decision threshold."""
        return self.postprocess.threshold

    @property
    def parts(self) -> tuple["Detector"]:
        """Itself: the detectors of its bundles, of which a mixed ensemble has several."""
        return (self,)

    def detect(self, image: Image, progress: Progress | None = None, judging: Judging | None = None) -> Result:
        """Find mitotic figures in an open image, at the bundle's resolution; points are in level-0 px.

        On the CPU the same image gives the same bytes. Raises InputError where the image turns out to be damaged.
        """
        return self.detect_in(self.survey(image), progress, judging)

    def survey(self, image: Image) -> Survey:
        """Look where an open image holds tissue, and nuclei where those are judged; raises as `detect` does."""
        start = time.perf_counter()
        view = ResampledImage(image, self.bundle.manifest.input.resolution_um_px)
        tissue = tissue_map(view)
        return Survey(image, tissue, self._plan(view, tissue), time.perf_counter() - start)

    def detect_in(self, survey: Survey, progress: Progress | None = None, judging: Judging | None = None) -> Result:
        """The second half of `detect`, once its own survey is done."""
        start = time.perf_counter()
        detections = survey.work.find(progress=progress)
        seconds = {"tissue": survey.seconds, "detection": time.perf_counter() - start}
        area_mm2, total, run = survey.tissue.area_mm2, survey.work.total, survey.work.run
        found = Result(detections, self.threshold, area_mm2, total, run, seconds)
        return found if self.second_stage is None else self.second_stage.judge(survey.image, found, judging)


def load(
    bundle: Bundle, device: DeviceOption = "auto", overlap: float | None = None, threshold: float | None = None
) -> Detector:
    """The detector of a bundle, with its overlap and decision threshold or with others.

    A threshold under the bundle's lower one takes that along. Raises BundleError and AlgorithmError as Members does,
    and AlgorithmError for an overlap where there are no tiles.
    """
    manifest = bundle.manifest
    chosen = manifest.postprocess.threshold if threshold is None else threshold
    if isinstance(manifest, NucleiManifest):
        if overlap is not None:
            raise AlgorithmError(
                f"The bundle {manifest.name} judges crops about nuclei, which have no overlap.", "Leave --overlap out."
            )
        about_nuclei = NucleiSettings(
            patch_px=manifest.input.patch_px,
            candidates=manifest.candidates,
            postprocess=manifest.postprocess.at(chosen),
        )
        judges = CropEnsemble(bundle, device)
        judge = _with_members(nuclei.detect, judges, bundle, predict=judges)
        return Detector(bundle, judges, about_nuclei, partial(_about_nuclei, find=judge, settings=about_nuclei))
    tiling = {"tile_px": manifest.input.tile_px, "overlap": manifest.input.overlap if overlap is None else overlap}
    if isinstance(manifest, BoxesManifest):
        finder = BoxEnsemble(bundle, device)
        by_boxes = BoxesSettings(**tiling, postprocess=manifest.postprocess.at(chosen))
        find = _with_members(boxes.detect, finder, bundle, predict=finder.answers)
        return Detector(bundle, finder, by_boxes, partial(_on_tiles, find=find, settings=by_boxes))
    ensemble = Ensemble(bundle, device)
    settings = SegmentationSettings(**tiling, postprocess=manifest.postprocess.at(chosen))
    find = _with_members(segmentation.detect, ensemble, bundle, predict=ensemble)
    return Detector(bundle, ensemble, settings, partial(_on_tiles, find=find, settings=settings))


def _with_members(find: Find, members: Members, bundle: Bundle, predict: Callable[..., object]) -> Find:
    return partial(find, predict=predict, members=len(bundle.manifest.members), batch_size=members.batch_size)


def _on_tiles(view: ResampledImage, tissue: TissueMap, find: Find, settings: TileSettings) -> Work:
    grid = settings.grid(tissue)
    return Work(grid.total, grid.with_tissue, partial(find, view, settings=settings, tissue=tissue))


def _about_nuclei(view: ResampledImage, tissue: TissueMap, find: Find, settings: NucleiSettings) -> Work:
    points = candidates.candidates(view, settings.candidates, tissue)
    return Work(len(points), len(points), partial(find, view, points, settings=settings, tissue=tissue))

"""Ways of detecting mitotic figures, each made from a bundle."""

import time

from algorithm.bundle import Bundle
from algorithm.detectors.base import Progress, Result
from algorithm.detectors.segmentation import SegmentationSettings, detect
from algorithm.images.base import Image
from algorithm.images.resampled import ResampledImage
from algorithm.manifest import Manifest
from algorithm.runtime import DeviceOption, Ensemble
from algorithm.tissue import tissue_map

__all__ = ["Detector", "Progress", "Result", "load"]


class Detector:
    """A bundle ready to run on images, one after the other.

    device, providers: what its sessions say they use. overlap, postprocess: the bundle's, or what was asked for.
    """

    def __init__(self, bundle: Bundle, ensemble: Ensemble, settings: SegmentationSettings) -> None:
        self.bundle = bundle
        self.device, self.providers = ensemble.device, ensemble.providers
        self.overlap, self.postprocess = settings.overlap, settings.postprocess
        self._ensemble = ensemble
        self._settings = settings

    def detect(self, image: Image, progress: Progress | None = None) -> Result:
        """Find mitotic figures in an open image, at the bundle's resolution; points are in level-0 px.

        On the CPU the same image gives the same bytes. Raises InputError where the image turns out to be damaged.
        """
        manifest = self.bundle.manifest
        start = time.perf_counter()
        view = ResampledImage(image, manifest.input.resolution_um_px)
        tissue = tissue_map(view)
        grid = self._settings.grid(tissue)
        tissue_done = time.perf_counter()
        ensemble, members = self._ensemble, len(manifest.members)
        detections = detect(view, ensemble, self._settings, tissue, members, ensemble.batch_size, progress)
        seconds = {"tissue": tissue_done - start, "detection": time.perf_counter() - tissue_done}
        return Result(detections, self.postprocess.threshold, tissue.area_mm2, grid.total, grid.with_tissue, seconds)


def load(
    bundle: Bundle, device: DeviceOption = "auto", overlap: float | None = None, threshold: float | None = None
) -> Detector:
    """The detector of a bundle, with its overlap and decision threshold or with others.

    A threshold under the bundle's lower one takes that along. Raises BundleError and AlgorithmError as Ensemble does.
    """
    return Detector(bundle, Ensemble(bundle, device), _settings(bundle.manifest, overlap, threshold))


def _settings(manifest: Manifest, overlap: float | None, threshold: float | None) -> SegmentationSettings:
    postprocess = manifest.postprocess
    if threshold is not None:
        lower = min(postprocess.lower_threshold, threshold)
        postprocess = postprocess.model_copy(update={"threshold": threshold, "lower_threshold": lower})
    return SegmentationSettings(
        tile_px=manifest.input.tile_px,
        overlap=manifest.input.overlap if overlap is None else overlap,
        postprocess=postprocess,
    )

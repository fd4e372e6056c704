"""The nuclei of regions, found as the algorithm finds them."""

from functools import cache

from algorithm.detectors.candidates import candidates
from algorithm.images.resampled import ResampledImage
from algorithm.nuclei_manifest import CandidateSettings
from algorithm.tissue import tissue_map
from training.data.regions import Points, Region, RegionImage


@cache
def nuclei_of(region: Region, settings: CandidateSettings) -> Points:
    """The centres of nuclei, (N, 2) px, x then y; kept, since a region is searched after every epoch."""
    view = ResampledImage(RegionImage(region), region.spacing_um)
    return candidates(view, settings, tissue_map(view))

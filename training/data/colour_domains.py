"""UnSA: training crops in the colours of other stain domains.

Source: MitDet (Wang, Lin, Li et al.), section 3.3: the data D, and the same data in three more colour domains. There a
network restains them (RestainNet), which has no public code; here their two stains are separated and mixed anew, which
needs no training.
"""

from collections.abc import Sequence

import numpy as np

from algorithm.errors import AlgorithmError
from algorithm.stain import StainMatrix
from training.data.regions import Region
from training.data.staining import Staining, staining_of
from training.data.stains import sampled_pixels
from training.nuclei_settings import NucleiSampling

EXTRA = 3
"""How many more domains a crop may be shown in."""
VECTORS_VARY, AMOUNTS_VARY = 0.25, 0.3
"""By which share the parts of random stain vectors differ from a region's, and the amounts of stain."""


class ColourDomains:
    """The domains of regions, each a tumour by a scanner, and others in whose colours they are shown (`sampling.unsa`).

    own: (R,) int64, the regions' domains by number. What a region's stains are is estimated when it is first asked for,
    and follows from the region and the seed alone. Raises AlgorithmError where templates are wanted and the regions are
    all of one domain.
    """

    def __init__(self, regions: Sequence[Region], settings: NucleiSampling, seed: int) -> None:
        names = [(region.domain, region.scanner) for region in regions]
        numbers = {name: number for number, name in enumerate(sorted(set(names)))}
        self.regions, self.settings, self.seed = regions, settings, seed
        self.own = np.array([numbers[name] for name in names], np.int64)
        self.count = len(numbers)
        if settings.unsa == "template" and self.count < 2:
            message = "sampling.unsa=template shows crops in the colours of other domains, and training has one alone."
            raise AlgorithmError(message, "Give more data, or set sampling.unsa=vahadane_random or null.")
        self._known: dict[Region, Staining] = {}
        self._random: dict[int, Staining] = {}

    def drawn(self, number: int, rng: np.random.Generator) -> tuple[int, Staining | None]:
        """The domain that a crop of a region is shown in, its own or one of the others alike, and that one's staining.

        Of its own there is none: the crop stays as it is.
        """
        own = int(self.own[number])
        domains = [own, *self._others(own)]
        domain = domains[int(rng.integers(len(domains)))] if len(domains) > 1 else own
        if domain == own:
            return own, None
        if domain >= self.count:
            return domain, self._random_staining(domain)
        return domain, self.staining(self.regions[int(rng.choice(np.flatnonzero(self.own == domain)))])

    def staining(self, region: Region) -> Staining:
        """How a region is stained."""
        if region not in self._known:
            model = "vahadane" if self.settings.unsa == "vahadane_random" else self.settings.template_stains
            self._known[region] = staining_of(sampled_pixels(region, self.seed), model, self.seed)
        return self._known[region]

    def _others(self, own: int) -> list[int]:
        """Three other domains: those next to a region's own in the order of names, or random ones."""
        if self.settings.unsa is None:
            return []
        if self.settings.unsa == "vahadane_random":
            return [self.count + extra for extra in range(EXTRA)]
        return [(own + step) % self.count for step in range(1, min(EXTRA + 1, self.count))]

    def _random_staining(self, domain: int) -> Staining:
        """That of a region drawn at random, changed at random; always the same for a domain."""
        if domain not in self._random:
            rng = np.random.default_rng([self.seed, domain])
            near = self.staining(self.regions[int(rng.integers(len(self.regions)))])
            self._random[domain] = varied(near, rng)
        return self._random[domain]


def varied(staining: Staining, rng: np.random.Generator) -> Staining:
    """Another one near it: every part of its vectors, which stay of length 1, and its amounts changed at random."""
    vectors = staining.stains.vectors * rng.uniform(1 - VECTORS_VARY, 1 + VECTORS_VARY, (2, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    amounts = staining.amounts * rng.uniform(1 - AMOUNTS_VARY, 1 + AMOUNTS_VARY, 2)
    return Staining(StainMatrix(vectors, staining.stains.method), amounts)

"""UnSA: training crops in the colours of other stain domains.

Source: MitDet (Wang, Lin, Li et al.), section 3.3: the data D, and the same data in three more colour domains. There a
network restains them (RestainNet), as generators do here (training/restain.py); or their two stains are separated and
mixed anew, which needs no training.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from algorithm.errors import AlgorithmError
from algorithm.stain import StainMatrix
from training.data.folds import domain_name
from training.data.regions import Pixels, Region
from training.data.staining import Staining, restained, staining_of
from training.data.stains import sampled_pixels
from training.generators import Generators
from training.nuclei_settings import NucleiSampling

EXTRA = 3
"""How many more domains a crop may be shown in."""
VECTORS_VARY, AMOUNTS_VARY = 0.25, 0.3
"""By which share the parts of random stain vectors differ from a region's, and the amounts of stain."""


Colours = tuple[int, Staining | None]
"""The domain that a crop is shown in, and how a picture of it is stained; None: the domain is the crop's own."""


def colour_domain(region: Region) -> str:
    """The domain of a region's colours: a tumour by a scanner."""
    return domain_name(region, "domain+scanner")


def colour_domains(regions: Iterable[Region]) -> dict[str, list[Region]]:
    """The regions of each domain, in the order of the domains' names."""
    found: dict[str, list[Region]] = {}
    for region in sorted(regions, key=colour_domain):
        found.setdefault(colour_domain(region), []).append(region)
    return found


class ColourDomains:
    """The domains of regions, and others in whose colours they are shown (`sampling.unsa`).

    own: (R,) int64, the regions' domains by number. generators: for "restain". What a region's stains are is estimated
    when it is first asked for, and follows from the region and the seed alone. Raises AlgorithmError where the colours
    of other domains are wanted and the regions are all of one, and where a generator is missing.
    """

    def __init__(
        self, regions: Sequence[Region], settings: NucleiSampling, seed: int, generators: Generators | None = None
    ) -> None:
        self.names = list(colour_domains(regions))
        self.regions, self.settings, self.seed, self.generators = regions, settings, seed, generators
        self.own = np.array([self.names.index(colour_domain(region)) for region in regions], np.int64)
        self.count = len(self.names)
        if settings.unsa in ("template", "restain") and self.count < 2:
            shows = f"sampling.unsa={settings.unsa} shows crops in the colours of other domains"
            fix = "Give more data, or set sampling.unsa=vahadane_random or null."
            raise AlgorithmError(f"{shows}, and training has one alone.", fix)
        if settings.unsa == "restain":
            if generators is None:
                raise AlgorithmError("sampling.unsa=restain needs generators.", "Give --generators, their folder.")
            generators.require(self.names)
        self._known: dict[Region, Staining] = {}
        self._random: dict[int, Staining] = {}

    def drawn(self, number: int, rng: np.random.Generator) -> Colours:
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

    def shown(self, crops: Sequence[Pixels], of: Sequence[Region], colours: Sequence[Colours]) -> list[Pixels]:
        """Crops of regions, each in colours that were drawn for it; all that a generator is to restain at once."""
        pairs = list(zip(crops, of, colours, strict=True))
        if self.settings.unsa != "restain":
            return [
                crop if other is None else restained(crop, self.staining(region), other)
                for crop, region, (_, other) in pairs
            ]
        assert self.generators is not None
        found = list(crops)
        for domain in sorted({domain for domain, other in colours if other is not None}):
            numbers = [number for number, drawn in enumerate(colours) if drawn[0] == domain and drawn[1] is not None]
            made = self.generators.shown(np.stack([crops[number] for number in numbers]), self.names[domain])
            for number, picture in zip(numbers, made, strict=True):
                found[number] = picture
        return found

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

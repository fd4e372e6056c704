"""Which colours a crop is shown in, how often, and how these are stained."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from algorithm.errors import AlgorithmError
from algorithm.stain import RUIFROK, StainMatrix
from tests.training.staining import VECTORS, stained
from training.data.colour_domains import AMOUNTS_VARY, ColourDomains, varied
from training.data.regions import Pixels, Region, in_memory
from training.data.staining import Staining, restained, staining_of
from training.nuclei_settings import NucleiSampling, UnSA

DRAWS = 4000


def region(name: str, domain: str, scanner: str = "", gains: tuple[float, float] = (1.0, 1.0)) -> Region:
    pixels = stained(gains, seed=sum(name.encode()))
    return replace(in_memory(name, name, domain, pixels, 0.25, np.empty((0, 2))), scanner=scanner)


def five_domains() -> list[Region]:
    return [region(f"{domain}{number}", domain) for domain in "abcde" for number in range(2)]


def shares(domains: ColourDomains, number: int) -> dict[int, float]:
    """How often a crop of a region is shown in which domain."""
    rng = np.random.default_rng(1)
    counts = Counter(domains.drawn(number, rng)[0] for _ in range(DRAWS))
    return {domain: count / DRAWS for domain, count in counts.items()}


def test_domains_are_numbered_by_tumour_and_scanner() -> None:
    regions = [region("a", "x", "s"), region("b", "y"), region("c", "x", "r"), region("d", "x", "s")]
    domains = ColourDomains(regions, NucleiSampling(), 0)
    assert domains.own.tolist() == [1, 2, 0, 1]
    assert domains.count == 3


def test_without_unsa_every_crop_is_its_own_and_no_number_is_drawn() -> None:
    rng = np.random.default_rng(0)
    domains = ColourDomains(five_domains(), NucleiSampling(), 0)
    assert [domains.drawn(number, rng) for number in (0, 9)] == [(0, None), (4, None)]
    assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize(
    "regions, number, others",
    [
        (five_domains(), 0, {1, 2, 3}),
        (five_domains(), 7, {4, 0, 1}),
        (five_domains()[:6], 3, {2, 0}),
    ],
)
def test_a_crop_is_shown_in_its_own_colours_and_in_up_to_three_others_alike(
    regions: list[Region], number: int, others: set[int]
) -> None:
    domains = ColourDomains(regions, NucleiSampling(unsa="template"), 0)
    found = shares(domains, number)
    assert set(found) == {number // 2, *others}
    assert all(share == pytest.approx(1 / len(found), abs=0.04) for share in found.values())


def test_a_template_is_any_picture_of_its_domain() -> None:
    regions = five_domains()
    domains = ColourDomains(regions, NucleiSampling(unsa="template"), 0)
    rng = np.random.default_rng(0)
    seen: dict[int, set[int]] = {}
    for _ in range(200):
        domain, target = domains.drawn(0, rng)
        assert (target is None) == (domain == 0)
        if target is not None:
            seen.setdefault(domain, set()).add(id(target))
    for domain, found in seen.items():
        assert found == {id(domains.staining(regions[2 * domain + number])) for number in range(2)}


@pytest.mark.parametrize("method", ["macenko", "vahadane"])
def test_a_crop_in_a_templates_colours_is_stained_as_the_template(method: str) -> None:
    other = stained((0.6, 1.3), RUIFROK.vectors, seed=1)
    own, target = (staining_of(pixels, method) for pixels in (stained((1.0, 1.0)), other))
    assert target.stains.method == method
    found = staining_of(restained(stained((1.0, 1.0)), own, target), method)
    np.testing.assert_allclose(found.stains.vectors, target.stains.vectors, atol=0.05)
    np.testing.assert_allclose(found.amounts, target.amounts, rtol=0.12)


def test_the_own_staining_changes_nothing() -> None:
    """But for rounding, and what was cut off below 1."""
    own = Staining(StainMatrix(VECTORS, "macenko"), np.ones(2))
    pixels = stained((0.5, 0.5))
    assert np.abs(restained(pixels, own, own).astype(int) - pixels).max() <= 1


def test_random_domains_are_three_and_always_the_same() -> None:
    regions = five_domains()[:3]
    domains, again = (ColourDomains(regions, NucleiSampling(unsa="vahadane_random"), 0) for _ in range(2))
    assert shares(domains, 0).keys() == {0, 2, 3, 4}
    assert shares(domains, 2).keys() == {1, 2, 3, 4}
    found = {}
    for number, rng in ((0, np.random.default_rng(0)), (2, np.random.default_rng(5))):
        for _ in range(50):
            domain, target = domains.drawn(number, rng)
            if target is not None:
                assert found.setdefault(domain, target) is target
    for domain, target in found.items():
        np.testing.assert_array_equal(again._random_staining(domain).stains.vectors, target.stains.vectors)
    other = ColourDomains(regions, NucleiSampling(unsa="vahadane_random"), 1)
    stainings = [*found.values(), other._random_staining(2)]
    first = {staining.stains.vectors[0].tobytes() for staining in stainings}
    assert len(first) == 4


def test_a_varied_staining_is_near_and_its_vectors_have_length_1() -> None:
    staining = Staining(RUIFROK, np.array([1.5, 1.0]))
    rng = np.random.default_rng(0)
    for _ in range(100):
        found = varied(staining, rng)
        np.testing.assert_allclose(np.linalg.norm(found.stains.vectors, axis=1), 1)
        angles = np.degrees(np.arccos((found.stains.vectors * RUIFROK.vectors).sum(axis=1)))
        assert 0 < angles.max() < 15
        assert (np.abs(found.amounts / staining.amounts - 1) <= AMOUNTS_VARY).all()


def test_stains_are_estimated_once_a_region_and_only_where_they_are_needed() -> None:
    reads: list[str] = []

    def counted(of: Region) -> Region:
        def read(x: int, y: int, width: int, height: int) -> Pixels:
            reads.append(of.name)
            return of.read(x, y, width, height)

        return replace(of, read=read)

    regions = [counted(of) for of in five_domains()[:4]]
    domains = ColourDomains(regions, NucleiSampling(unsa="template"), 0)
    assert reads == []
    rng = np.random.default_rng(0)
    for number in range(2):
        for _ in range(50):
            domains.drawn(0, rng)
        assert set(reads) == {"b0", "b1"}
        if number == 0:
            once = len(reads)
    assert len(reads) == once


@pytest.mark.parametrize("unsa", ["template", "restain"])
def test_a_lone_domain_has_no_others_colours(unsa: UnSA) -> None:
    with pytest.raises(AlgorithmError, match=rf"unsa={unsa} shows .* training has one alone.*vahadane_random"):
        ColourDomains([region("a", "x"), region("b", "x")], NucleiSampling(unsa=unsa), 0)

"""Folds by slide and by domain: nothing leaks, and by slide no domain is missing."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.data.cases import Case
from training.data.folds import make_folds, slide_folds
from training.data.regions import Region, in_memory

PIXELS = np.zeros((1, 1, 3), np.uint8)


def region(slide: str, domain: str) -> Region:
    return in_memory(f"{slide} region", slide, domain, PIXELS, 0.25, np.empty((0, 2)))


slides = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.sampled_from("uvw"), max_size=30)


@given(slides, st.integers(2, 6))
def test_every_fold_has_its_share_of_each_domain(domains: dict[str, str], folds: int) -> None:
    of_slide = slide_folds([region(slide, domain) for slide, domain in domains.items()], folds)
    assert of_slide.keys() == domains.keys()
    assert set(of_slide.values()) <= set(range(folds))
    for domain in set(domains.values()):
        counts = Counter(fold for slide, fold in of_slide.items() if domains[slide] == domain)
        shares = [counts[fold] for fold in range(folds)]
        assert max(shares) - min(shares) <= 1
    sizes = Counter(of_slide.values())
    assert max((sizes[fold] for fold in range(folds)), default=0) - min(sizes[fold] for fold in range(folds)) <= 1


@given(slides, st.randoms(use_true_random=False))
def test_the_order_of_the_regions_does_not_matter(domains: dict[str, str], random: np.random.Generator) -> None:
    regions = [region(slide, domain) for slide, domain in domains.items()]
    shuffled = list(regions)
    random.shuffle(shuffled)
    assert slide_folds(regions, 5) == slide_folds(shuffled, 5)


def test_a_slide_of_two_data_sets_is_in_one_fold() -> None:
    """Though they call its domain differently."""
    first = [region(str(number), "breast") for number in range(10)]
    second = [region(str(number), f"scanner {number % 2}") for number in range(5, 15)]
    of_slide = slide_folds([*first, *second], 3)
    assert len(of_slide) == 15
    shares = Counter(of_slide[str(number)] for number in range(10))
    assert sorted(shares.values()) == [3, 3, 4]


memberships = st.lists(st.tuples(st.text("abcd", min_size=1, max_size=2), st.sampled_from("uvwxyz")), max_size=25)


@given(memberships)
def test_by_domain_no_slide_and_no_domain_is_in_two_folds(members: list[tuple[str, str]]) -> None:
    """Whatever domains the data sets give a slide."""
    cases = [region(slide, domain) for slide, domain in members]
    if len(joined(members)) < 2:
        return
    folds = make_folds(cases, "domain", 5)
    fold_of_domain: dict[str, int] = {}
    for slide, domain in members:
        assert fold_of_domain.setdefault(domain, folds.of_slide[slide]) == folds.of_slide[slide]
        assert domain in folds.domains[folds.of_slide[slide]]
    assert folds.count == len(folds.domains) == len(joined(members))
    assert {folds.number(folds.name(number)) for number in range(folds.count)} == set(range(folds.count))


def joined(members: list[tuple[str, str]]) -> list[set[str]]:
    """Sets of domains that a chain of shared slides connects, found by spreading a label until nothing changes."""
    label = {domain: domain for _, domain in members}
    changed = True
    while changed:
        changed = False
        for slide, domain in members:
            for other, there in members:
                if slide == other and label[domain] != label[there]:
                    label[domain] = label[there] = min(label[domain], label[there])
                    changed = True
    return [{domain for domain in label if label[domain] == one} for one in set(label.values())]


def test_domains_are_in_the_order_of_their_names() -> None:
    folds = make_folds([region("1", "v"), region("2", "u"), region("3", "w")], "domain", 5)
    assert folds.domains == (("u",), ("v",), ("w",))
    assert folds.of_slide == {"1": 1, "2": 0, "3": 2}


def test_a_tumour_may_be_divided_by_scanner() -> None:
    cases = [
        Case("a", "1", "1", "breast", "XR", 1, 0),
        Case("a", "2", "2", "breast", "CS2", 1, 0),
        Case("a", "3", "3", "lung", "", 1, 0),
        Case("b", "4", "1", "XR", "XR", 1, 0),
    ]
    assert make_folds(cases, "domain", 5).domains == (("XR", "breast"), ("lung",))
    assert make_folds(cases, "domain+scanner", 5).domains == (("XR", "breast, XR"), ("breast, CS2",), ("lung",))

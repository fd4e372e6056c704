"""Folds by slide: nothing leaks, and no domain is missing."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.data.folds import slide_folds
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

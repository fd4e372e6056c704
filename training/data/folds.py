"""Folds by slide: no slide is in two folds, and every fold has its share of each domain."""

from collections.abc import Iterable

from training.data.regions import Region


def slide_folds(regions: Iterable[Region], folds: int) -> dict[str, int]:
    """The fold of every slide. Slides are dealt out in turn, domain by domain, in the order of their names.

    A slide that occurs in several data sets is in one fold everywhere; its first domain counts.
    """
    domains: dict[str, str] = {}
    for region in regions:
        domains.setdefault(region.slide, region.domain)
    ordered = sorted(domains, key=lambda slide: (domains[slide], slide))
    return {slide: number % folds for number, slide in enumerate(ordered)}

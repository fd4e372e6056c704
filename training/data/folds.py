"""Folds by slide or by domain: no slide is in two folds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from algorithm.errors import AlgorithmError
from training.data.names import tumour_name

FoldsBy = Literal["slide", "domain", "domain+scanner"]
Fold = int | str
"""A fold's number, or the name of its domain."""


class Placed(Protocol):
    """What folds are made of: a region, or a case without pixels."""

    @property
    def slide(self) -> str: ...
    @property
    def domain(self) -> str: ...
    @property
    def scanner(self) -> str: ...


@dataclass(frozen=True)
class Folds:
    """The fold of every slide. domains: those of each fold, in the order of the folds; () for folds by slide."""

    of_slide: dict[str, int]
    count: int
    domains: tuple[tuple[str, ...], ...] = ()

    def name(self, number: int) -> Fold:
        """What a run remembers of its fold: its domains by name, since other data would number them differently."""
        return " + ".join(self.domains[number]) if self.domains else number

    def number(self, fold: Fold) -> int:
        """The fold of that number, of that name, or with the domain of that name. Raises AlgorithmError for others."""
        if isinstance(fold, str):
            wanted = tumour_name(fold)
            for number, domains in enumerate(self.domains):
                if wanted in (*domains, self.name(number)):
                    return number
        elif 0 <= fold < self.count:
            return fold
        fix = f"Give --fold 0 to {self.count - 1}."
        if self.domains:
            names = ", ".join(f'"{self.name(number)}"' for number in range(self.count))
            fix = f"Give --fold 0 to {self.count - 1} or a domain: {names}."
        elif isinstance(fold, str):
            fix = f"Folds are by slide: give --fold 0 to {self.count - 1}, or add folds_by=domain."
        raise AlgorithmError(f"There is no fold {fold} of {self.count}.", fix)


def make_folds(cases: Sequence[Placed], by: FoldsBy, count: int) -> Folds:
    """`count` folds by slide, or as many by domain as there are domains. Raises AlgorithmError for a single domain."""
    if by == "slide":
        return Folds(slide_folds(cases, count), count)
    groups = _joined_domains(cases, by)
    of_domain = {domain: number for number, domains in enumerate(groups) for domain in domains}
    if len(groups) < 2:
        names = ", ".join(of_domain) or "none"
        raise AlgorithmError(
            f"The data sets have one fold by {by} ({names}): held out, it would leave nothing to train on.",
            "Give data of more domains, or make folds by slide (folds_by=slide).",
        )
    return Folds({case.slide: of_domain[domain_name(case, by)] for case in cases}, len(groups), groups)


def slide_folds(cases: Iterable[Placed], folds: int) -> dict[str, int]:
    """The fold of every slide. Slides are dealt out in turn, domain by domain, in the order of their names.

    A slide that occurs in several data sets is in one fold everywhere; its first domain counts.
    """
    ordered = sorted(_first_domains(cases).items(), key=lambda pair: (pair[1], pair[0]))
    return {slide: number % folds for number, (slide, _) in enumerate(ordered)}


def validating_slides(cases: Iterable[Placed], folds: int) -> set[str]:
    """The first of every `folds` slides of each domain, in the order of their names.

    They are the same whatever a run holds out, so that an ensemble has slides which none of its members trained on.
    """
    slides: dict[str, list[str]] = {}
    for slide, domain in sorted(_first_domains(cases).items()):
        slides.setdefault(domain, []).append(slide)
    return {slide for of_domain in slides.values() for slide in of_domain[::folds]}


def _first_domains(cases: Iterable[Placed]) -> dict[str, str]:
    """The domain of every slide; of one that occurs in several, the first."""
    domains: dict[str, str] = {}
    for case in cases:
        domains.setdefault(case.slide, case.domain)
    return domains


def domain_name(case: Placed, by: FoldsBy) -> str:
    """What a case's domain is called: its tumour, and with "domain+scanner" the scanner after it, if one is known."""
    split = by == "domain+scanner" and case.scanner not in ("", case.domain)
    return f"{case.domain}, {case.scanner}" if split else case.domain


def _joined_domains(cases: Iterable[Placed], by: FoldsBy) -> tuple[tuple[str, ...], ...]:
    """Groups of domains in the order of their names; domains that share a slide, as two data sets' may, are one group.

    Held out apart, the slide would be in training under its other domain.
    """
    of_slide: dict[str, set[str]] = {}
    for case in cases:
        of_slide.setdefault(case.slide, set()).add(domain_name(case, by))
    groups: list[set[str]] = []
    for domains in of_slide.values():
        touching = [group for group in groups if group & domains]
        groups = [group for group in groups if not group & domains] + [domains.union(*touching)]
    return tuple(sorted(tuple(sorted(group)) for group in groups))

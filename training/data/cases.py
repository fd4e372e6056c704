"""What a data set's tables say of its cases: enough to make folds by, without a pixel."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A region that is annotated, whether its image is there or not.

    data_set: the folder's name. name: the region's. slide, domain, scanner: as `training.data.regions.Region` has them.
    figures, hard_negatives: how many are annotated; those off the tissue, which only pixels show, are counted too.
    """

    data_set: str
    name: str
    slide: str
    domain: str
    scanner: str
    figures: int
    hard_negatives: int


def count(cases: list[Case]) -> str:
    """How many cases and annotations, for the user."""
    figures, look_alikes = (sum(getattr(case, kind) for case in cases) for kind in ("figures", "hard_negatives"))
    return f"{len(cases)} cases, {figures} mitotic figures, {look_alikes} hard negatives"

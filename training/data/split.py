"""What a run trains on and what it holds out."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from training.data.folds import Fold, Placed, make_folds, validating_slides
from training.data.read import Data
from training.data.regions import Region
from training.recipe import Recipe

if TYPE_CHECKING:
    from training.generators import Generators


@dataclass(frozen=True)
class Split:
    """Regions to train on, one list a data set, and regions that training does not see.

    fold: its number or its domains. validation: choose the epoch and the threshold. tested: those of a held-out domain,
    which choose nothing; none where folds are by slide. masks: the files that the masks of figures come from.
    mined: that of mined look-alikes. generators: what shows the regions in other colours, if anything does.
    """

    fold: Fold
    training: list[list[Region]]
    validation: list[list[Region]]
    tested: list[list[Region]] = field(default_factory=list)
    masks: list[dict[str, str]] = field(default_factory=list)
    mined: list[dict[str, str]] = field(default_factory=list)
    generators: "Generators | None" = None


def split_fold(data: Data, recipe: Recipe, fold: Fold) -> Split:
    """Holds out one fold. Figure-free tissue, which has no slides in common, is all for training.

    A fold of slides validates. A held-out domain is tested alone: what validates is one in `recipe.folds` of the other
    domains' slides, the same ones whatever is held out, or all of the next domain, as the recipe says. Folds are made
    of all the cases that the data sets' tables name, so that a missing image moves no other.
    """
    cases: list[Placed] = [*data.cases, *(region for regions in data.annotated for region in regions)]
    folds = make_folds(cases, recipe.folds_by, recipe.folds)
    number = folds.number(fold)
    held_out, others = _parted(data.annotated, {slide for slide, of in folds.of_slide.items() if of == number})
    if recipe.folds_by == "slide":
        return Split(folds.name(number), [*others, data.figure_free], held_out, masks=data.masks, mined=data.mined)
    if recipe.validate_on == "slides":
        validating = validating_slides(cases, recipe.folds)
    else:
        next_one = (number + 1) % folds.count
        validating = {slide for slide, of in folds.of_slide.items() if of == next_one}
    validation, training = _parted(others, validating)
    return Split(folds.name(number), [*training, data.figure_free], validation, held_out, data.masks, data.mined)


def searched(held_out: list[list[Region]]) -> list[Region]:
    """The regions that detection is measured in: the whole ones; sheets of patches where there is none."""
    together = [region for regions in held_out for region in regions]
    return [region for region in together if region.whole] or together


def _parted(annotated: list[list[Region]], slides: set[str]) -> tuple[list[list[Region]], list[list[Region]]]:
    """The regions of these slides and the others, one list a data set each."""
    chosen = [[region for region in regions if region.slide in slides] for regions in annotated]
    return chosen, [[region for region in regions if region.slide not in slides] for regions in annotated]

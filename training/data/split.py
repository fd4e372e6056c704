"""What a run trains on and what it holds out."""

from dataclasses import dataclass, field

from training.data.folds import Fold, make_folds
from training.data.read import Data
from training.data.regions import Region
from training.recipe import Recipe


@dataclass(frozen=True)
class Split:
    """Regions to train on, one list a data set, and regions of the held-out fold.

    fold: its number or its domains. masks: the files that the masks of figures come from.
    """

    fold: Fold
    training: list[list[Region]]
    validation: list[list[Region]]
    masks: list[dict[str, str]] = field(default_factory=list)

    @property
    def searched(self) -> list[Region]:
        """The held-out regions that detection is measured in: the whole ones; sheets of patches where there is none."""
        held_out = [region for regions in self.validation for region in regions]
        return [region for region in held_out if region.whole] or held_out


def split_fold(data: Data, recipe: Recipe, fold: Fold) -> Split:
    """Holds out the slides of one fold. Figure-free tissue, which has no slides in common, is all for training.

    Folds are made of all the cases that the data sets' tables name, so that a missing image moves no other.
    """
    regions = [region for regions in data.annotated for region in regions]
    folds = make_folds([*data.cases, *regions], recipe.folds_by, recipe.folds)
    number = folds.number(fold)
    kept, held_out = (
        [[r for r in regions if (folds.of_slide[r.slide] == number) is out] for regions in data.annotated]
        for out in (False, True)
    )
    return Split(folds.name(number), [*kept, data.figure_free], held_out, data.masks)

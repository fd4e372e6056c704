"""Which settings masks are made with: a recipe's, or the usual ones, changed by words."""

from pydantic import ValidationError

from algorithm.errors import AlgorithmError
from algorithm.settings import first_problem
from training.mask_settings import OF_HAEMATOXYLIN, OF_NUCLICK, MaskSettings
from training.recipe import AnyRecipe, ClassificationRecipe, SegmentationRecipe, load_recipe, with_overrides


def mask_settings(recipe: str | None, overrides: list[str], nuclick: bool) -> MaskSettings:
    """A recipe's, by its name or path, or the defaults, with `key=value` overrides (values in YAML).

    nuclick: whether NuClick makes the masks. Raises AlgorithmError for a recipe that learns from no masks, an unknown
    key, one of the other way to masks, or a value out of range.
    """
    changes = with_overrides({}, overrides)
    for key in sorted(changes.keys() & (OF_HAEMATOXYLIN if nuclick else OF_NUCLICK)):
        if nuclick:
            raise AlgorithmError(f"{key} is no setting of NuClick's masks.", "Leave it out, or --weights.")
        raise AlgorithmError(f"{key} is a setting of NuClick's masks.", "Give --weights, or leave it out.")
    given = MaskSettings() if recipe is None else masks_of(load_recipe(recipe))
    try:
        return MaskSettings.model_validate({**given.model_dump(), **changes})
    except ValidationError as error:
        raise AlgorithmError(f"The settings of masks: {first_problem(error)}.", "Correct that key.") from error


def masks_of(recipe: AnyRecipe) -> MaskSettings:
    """Raises AlgorithmError for a recipe that learns from no masks."""
    if not isinstance(recipe, SegmentationRecipe | ClassificationRecipe):
        raise AlgorithmError(f"{recipe.name} learns nothing from masks.", "Leave them out, or take another recipe.")
    return recipe.masks

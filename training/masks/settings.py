"""What decides how pixels become the mask of a figure."""

from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from algorithm.errors import AlgorithmError
from algorithm.settings import Settings, first_problem
from training.recipe import with_overrides

Length = Annotated[float, Field(ge=0, le=10)]
"""um; longer than a figure is of no use."""
Area = Annotated[float, Field(ge=0)]
OF_NUCLICK = {"nuclick_threshold"}
OF_HAEMATOXYLIN = {"window_um", "blur_um", "opening_um", "reach_um"}


class MaskSettings(Settings):
    """Lengths in um, areas in um2; what NuClick's code or others have in px at 0.25 um/px stands behind in brackets.

    nuclick_threshold: the probability that a pixel of the figure is above (NuClick's code has 0.5, TIAToolbox's 0.33).
    smallest_part_um2: parts below it are removed (10 px). smallest_hole_um2: then holes below it are filled (30 px). A
    figure smaller than smallest_mask_um2 (30 px) or larger than largest_mask_um2 (2,500 px) becomes a disk of
    disk_radius_um (12 px).

    Of the masks from haematoxylin alone: window_um is the side of the window that the threshold is found in (64 px).
    blur_um: standard deviation of the blur that keeps grain out of the outline. opening_um: radius of the opening that
    cuts off what is thinner than twice that, fibres and membranes that touch the figure. reach_um: by how much a centre
    may miss the chromosomes; a bent plate has its middle beside it. With blur, opening and reach at 0 the mask is what
    is above Otsu's threshold where it hangs together at the centre, cleaned of small parts and holes as NuClick's is.
    """

    nuclick_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    smallest_part_um2: Area = 0.625
    smallest_hole_um2: Area = 1.875
    smallest_mask_um2: Annotated[float, Field(gt=0)] = 1.875
    largest_mask_um2: Area = 156.25
    disk_radius_um: Annotated[float, Field(gt=0, le=10)] = 3.0
    window_um: Annotated[float, Field(ge=4, le=256)] = 16.0
    blur_um: Length = 0.25
    opening_um: Length = 0.5
    reach_um: Length = 0.75

    @model_validator(mode="after")
    def _some_mask_is_left(self) -> Self:
        if self.smallest_mask_um2 > self.largest_mask_um2:
            raise ValueError("smallest_mask_um2 should be at most largest_mask_um2")
        return self


def mask_settings(overrides: list[str], nuclick: bool) -> MaskSettings:
    """The defaults with `key=value` overrides (values in YAML); nuclick: whether NuClick makes the masks.

    Raises AlgorithmError for an unknown key, one of the other way to masks, or a value out of range.
    """
    try:
        settings = MaskSettings.model_validate(with_overrides({}, overrides))
    except ValidationError as error:
        raise AlgorithmError(f"The settings of masks: {first_problem(error)}.", "Correct that key.") from error
    for key in sorted(settings.model_fields_set & (OF_HAEMATOXYLIN if nuclick else OF_NUCLICK)):
        if nuclick:
            raise AlgorithmError(f"{key} is no setting of NuClick's masks.", "Leave it out, or --weights.")
        raise AlgorithmError(f"{key} is a setting of NuClick's masks.", "Give --weights, or leave it out.")
    return settings

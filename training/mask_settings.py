"""What decides how pixels become the mask of a figure."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from algorithm.settings import Settings

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
    disk_radius_um (12 px), as every figure is where no masks are made.

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

    def of_way(self, nuclick: bool) -> dict[str, float]:
        """Those that make masks by NuClick, or those that make masks from haematoxylin."""
        return self.model_dump(exclude=OF_HAEMATOXYLIN if nuclick else OF_NUCLICK)

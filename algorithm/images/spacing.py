"""The spacing of an image: what the user says, else its own tag where that is believable, else what is usual."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from algorithm.errors import SpacingError
from algorithm.images.limits import SPACING_RANGE_UM

SpacingSource = Literal["tag", "option", "default"]
FIX = "Give the true spacing, for example --spacing-um 0.25."


@dataclass(frozen=True)
class SpacingRule:
    """What goes before the tag of a file and what comes after it, um/px; None where nothing does."""

    option_um: float | None = None
    default_um: float | None = None


@dataclass(frozen=True)
class Spacing:
    """Micrometres per pixel along x and y, and where they come from."""

    x_um: float
    y_um: float
    source: SpacingSource


def choose_spacing(path: Path | str, tag_um: tuple[float, float] | None, rule: SpacingRule) -> Spacing:
    """The option if given, else the tag, else the default where there is one.

    Option and tag must lie in SPACING_RANGE_UM on both axes; a tag that does not is none where there is a default.
    Raises SpacingError.
    """
    low, high = SPACING_RANGE_UM
    option_um, default_um = rule.option_um, rule.default_um
    if option_um is not None:
        if not _believable(option_um):
            raise SpacingError(f"The spacing {option_um:g} um/px given for {path} is outside {low} to {high}.", FIX)
        return Spacing(option_um, option_um, "option")
    believable = tag_um is not None and all(_believable(value) for value in tag_um)
    if default_um is not None and not believable:
        return Spacing(default_um, default_um, "default")
    if tag_um is None:
        raise SpacingError(f"{path} does not say how many micrometres a pixel has.", FIX)
    if not believable:
        said = f"{tag_um[0]:g} x {tag_um[1]:g} um/px"
        raise SpacingError(f"{path} says {said}, outside {low} to {high}, so its tag is no microscope's.", FIX)
    return Spacing(tag_um[0], tag_um[1], "tag")


def _believable(spacing_um: float) -> bool:
    low, high = SPACING_RANGE_UM
    slack = 1e-6  # a tag stores 1.0 um/px as a rational or a rounded decimal
    return math.isfinite(spacing_um) and low * (1 - slack) <= spacing_um <= high * (1 + slack)

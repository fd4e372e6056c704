"""How detections look in every picture: one colour a class, one outline."""

from algorithm.contract import MITOTIC_FIGURE, NON_MITOTIC_FIGURE

COLOURS: dict[str, tuple[int, int, int]] = {MITOTIC_FIGURE: (0, 214, 90), NON_MITOTIC_FIGURE: (255, 204, 0)}
"""RGB by the platform's name of a detection: colours that eosin and haematoxylin do not have."""

ATYPICAL_COLOUR = (0, 200, 255)
"""RGB of the mitotic figures that a classifier calls atypical."""

OUTLINE_RADIUS_UM = 7.5
"""Radius of the drawn circles: the distance within which the challenge counts a detection as a hit."""

"""What a recipe that restains says beside what all recipes have: the squares it learns from, and its losses."""

from algorithm.settings import Settings
from training.model_settings import Count, Positive


class RestainInput(Settings):
    """The squares that a network which restains learns from."""

    patch_px: Count
    resolution_um_px: Positive


class RestainLossSettings(Settings):
    """Weights of the losses of a network that restains, beside that of its colours, whose own is 1.

    stain: of the amounts of haematoxylin and of eosin. adversarial: of what the discriminator says.
    """

    stain: float = 1.0
    adversarial: float = 0.1

"""What a recipe of nuclei says beside what all detectors have: which nuclei it trains on, and its losses."""

from typing import Annotated, Literal

from pydantic import Field

from algorithm.settings import Settings
from training.model_settings import Count, Positive, Share

Balance = Literal["none", "first", "both"]
UnSA = Literal["template", "vahadane_random", "restain"]


class NucleiSampling(Settings):
    """Which nuclei are trained on (training/data/diverse_balanced.py), how many figures a batch has, and their colours.

    balance: of the nuclei without a figure, `ratio` for each crop with one: "none" draws them at random, "first" alike
    from `clusters` kinds of them; with "both" those of them stay that networks which were not trained on them take for
    figures, of a probability of `epsilon` and more, or the hardest until there are as many as figures. parts: how many
    such networks; each is trained for difficulty_epochs on all parts but one. pool: which nuclei they judge, the first
    draw alone or all. look_alikes: whether every look-alike, annotated or mined, has a crop too, beside the nuclei that
    are drawn. reach_um: how far from a figure a nucleus is it. shift_um: how far off its nucleus a crop may lie in
    training; a network that is shown all nuclei in the middle learns what they are, and need not learn where.
    unsa: whether crops are shown in the colours of three other domains as often as in their own each
    (training/data/colour_domains.py): "template" takes those of the data's other domains, as a region drawn from one is
    stained after the method of `template_stains`; "vahadane_random" has three random stainings; "restain" has the
    domains of "template" too, and generators that have learnt their colours (training/restain.py).
    """

    balance: Balance = "both"
    clusters: Count = 10
    ratio: Positive = 5.0
    epsilon: Annotated[float, Field(gt=0, lt=1)] = 0.5
    parts: int = Field(3, ge=2)
    difficulty_epochs: Count = 30
    pool: Literal["first", "all"] = "first"
    look_alikes: bool = False
    positive_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.5
    reach_um: Positive = 7.5
    shift_um: float = Field(0.0, ge=0)
    unsa: UnSA | None = None
    template_stains: Literal["macenko", "vahadane"] = "macenko"


class InCDPSettings(Settings):
    """MitDet's losses (training/systems/incdp.py).

    child_weight: of the children's losses beside the parents', the paper's lambda. centre_weight: of the centre losses
    beside the focal ones; centres: "scaled" is the mean over a batch's crops and the features' numbers, "published" the
    sum over all of them, which outweighs all else. centre_rate: by how much of the way a batch moves a centre.
    """

    focal_gamma: float = 2.0
    child_weight: float = 0.5
    centre_weight: float = 1.0
    centres: Literal["scaled", "published"] = "scaled"
    centre_rate: Share = 0.5

"""Validation with a predictor that knows the answer from the pixels."""

import numpy as np
from numpy.typing import NDArray

from evaluation.matching import Counts
from tests.training.drawing import drawn_pixels, tiny_recipe
from training.data.regions import Region, in_memory
from training.validation import THRESHOLDS, best_score, counts_at_thresholds

FIGURES = [(20.0, 24.0), (70.0, 52.0), (100.0, 20.0)]
LOOK_ALIKES = [(40.0, 60.0)]
PIXELS = drawn_pixels(128, 80, FIGURES, LOOK_ALIKES)
REGION = in_memory("a", "a", "a", PIXELS, 0.25, np.array(FIGURES))
RECIPE = tiny_recipe()


def count(predict: "Darkness", region: Region, threshold: float) -> Counts:
    return counts_at_thresholds(predict, region, RECIPE, [RECIPE.postprocess])[0][THRESHOLDS.index(threshold)]


class Darkness:
    """`dark` on figures, `pale` on look-alikes, 0.01 elsewhere."""

    def __init__(self, pale: float, dark: float = 0.95) -> None:
        self.pale, self.dark = pale, dark
        self.batches = 0

    def __call__(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.batches += 1
        red = tiles[None, ..., 0]
        return np.where(red < 80, self.dark, np.where(red < 150, self.pale, 0.01)).astype(np.float32)


def test_a_region_is_counted_as_the_challenge_does() -> None:
    assert count(Darkness(0.3), REGION, 0.5) == Counts(3, 0, 0)
    assert count(Darkness(0.7), REGION, 0.5) == Counts(3, 1, 0)
    assert count(Darkness(0.3, dark=0.6), REGION, 0.65) == Counts(0, 0, 3)


def test_the_best_threshold_is_above_the_look_alikes() -> None:
    score = best_score(Darkness(0.72), [REGION], RECIPE)
    assert score.counts == Counts(3, 0, 0)
    assert score.threshold == 0.75


def test_ties_go_to_a_half() -> None:
    assert best_score(Darkness(0.05), [REGION], RECIPE).threshold == 0.5


def test_a_recipe_may_give_some_f1_for_a_higher_threshold() -> None:
    """Every threshold tried but the last finds the figures, which have 0.94."""
    recipe = RECIPE.model_copy(update={"threshold_cost": 0.01})
    assert best_score(Darkness(0.05, dark=0.94), [REGION], recipe).threshold == 0.9
    assert max(THRESHOLDS) == 0.95


def test_regions_add_up_at_every_threshold() -> None:
    assert best_score(Darkness(0.05), [REGION, REGION], RECIPE).counts == Counts(6, 0, 0)


def test_the_network_runs_once() -> None:
    """However many thresholds are tried: 4 x 3 tiles in batches of 8."""
    predict = Darkness(0.3)
    best_score(predict, [REGION], RECIPE)
    assert predict.batches == 2


def test_another_spacing_is_seen_at_the_recipes() -> None:
    coarse = in_memory("a", "a", "a", PIXELS, 0.5, np.array(FIGURES))
    assert count(Darkness(0.05), coarse, 0.5) == Counts(3, 0, 0)


def test_thresholds_stay_between_0_and_1() -> None:
    assert min(THRESHOLDS) > 0
    assert max(THRESHOLDS) < 1
    assert 0.5 in THRESHOLDS

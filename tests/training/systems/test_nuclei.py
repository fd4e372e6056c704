"""The system of nuclei: what batches hold, what its loss is of, and what validation finds."""

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from algorithm import detectors
from algorithm.bundle import load_bundle
from algorithm.errors import AlgorithmError, InputError
from algorithm.runtime import CropEnsemble, Judged
from algorithm.stain import StainMatrix, StainModel
from tests.training.crops import data_of_nuclei, region_of_nuclei, tiny_nuclei_recipe
from tests.training.staining import VECTORS
from training.bundles.card import Card
from training.checkpoints import BEST, load_checkpoint
from training.data.order import EndlessOrder
from training.data.regions import RegionImage, in_memory
from training.data.split import split_fold
from training.data.staining import Staining, restained
from training.export import export
from training.fit import fit
from training.models.build import build_model
from training.models.mitdet import Located, MitDet
from training.recipe import NucleiRecipe
from training.systems.build import read_for
from training.systems.incdp import buffers, divide
from training.systems.nuclei import CropPredictor, Nuclei, find_crops, judged
from training.validation import best_score

CPU = torch.device("cpu")


def system_of(recipe: NucleiRecipe, joint: bool = False) -> Nuclei:
    split = split_fold(data_of_nuclei(), recipe, 0)
    crops = find_crops(recipe, [region for regions in split.training for region in regions])
    children = 2 * crops.classes + np.arange(len(crops)) % 2 if joint else None
    return Nuclei(recipe, split, CPU, crops, children)


def network_of(recipe: NucleiRecipe) -> MitDet:
    torch.manual_seed(0)
    model = build_model(recipe.model)
    assert isinstance(model, MitDet)
    rng = np.random.default_rng(0)
    children = divide(rng.random((40, model.trunk.channels)), np.repeat([0, 1], 20), 2)
    model.load_state_dict(buffers(children), strict=False)
    return model


def test_an_order_ends_never_and_has_all_before_one_again() -> None:
    order = EndlessOrder(5, [0])
    drawn = [order.drawn(place) for place in range(15)]
    assert [sorted(drawn[start : start + 5]) for start in (0, 5, 10)] == [[0, 1, 2, 3, 4]] * 3
    assert drawn[:5] != drawn[5:10]
    assert order.drawn(3) == drawn[3]


def test_batches_have_their_share_of_figures_first_and_every_crop_in_turn() -> None:
    recipe = tiny_nuclei_recipe(sampling={"positive_fraction": 0.34, "reach_um": 1.5})
    system = system_of(recipe)
    counts: Counter[int] = Counter()
    batches = 0
    while batches * 2 < len(system._of_class[1]):
        counts.update(system._drawn(batches, place) for place in range(6))
        batches += 1
    figures = system.crops.classes == 1
    assert all(counts[number] == 1 for number in np.flatnonzero(figures))
    assert set(counts.values()) <= {1, 2}
    crops, classes, children, domains = system.make(0, 0)
    assert tuple(crops.shape) == (6, 3, 16, 16)
    assert classes.tolist() == [1, 1, 0, 0, 0, 0]
    assert children.tolist() == [0] * 6
    assert set(domains.tolist()) <= {0, 1}


def test_the_same_batch_comes_again_and_another_is_another() -> None:
    system = system_of(tiny_nuclei_recipe())
    first, again, other = system.make(1, 1), system.make(1, 1), system.make(1, 0)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


@pytest.mark.parametrize("shift_um", [0.0, 1.0])
def test_crops_lie_off_their_nuclei_by_up_to_the_shift(shift_um: float) -> None:
    recipe = tiny_nuclei_recipe(
        input={**tiny_nuclei_recipe().input.model_dump(), "patch_px": 24},
        sampling={"shift_um": shift_um, "reach_um": 1.5},
        augment={"flips_and_turns": False},
    )
    system = system_of(recipe)
    off = np.array([_middle_of_what_is_dark(crop) for number in range(8) for crop in system.make(0, number)[0]]) - 11.5
    farthest = np.linalg.norm(off, axis=1).max()
    assert farthest < 4 * shift_um + 1.5
    assert farthest > 3 * shift_um
    assert np.abs(off.mean(axis=0)).max() < 1


def _middle_of_what_is_dark(crop: torch.Tensor) -> tuple[float, float]:
    rows, columns = np.nonzero((crop.mean(dim=0) < 0.6).numpy())
    return float(columns.mean()), float(rows.mean())


def test_no_shifted_crop_without_a_figure_shows_one() -> None:
    figure, seen, unseen = np.array([[80.0, 80.0]]), [91.0, 80.0], [95.0, 80.0]
    region = in_memory("a", "a", "a", np.full((160, 160, 3), 255, np.uint8), 0.25, figure)
    region = replace(region, hard_negatives=np.array([seen, unseen]))
    for shift_um, left in ((0.0, [[80.0, 80.0], seen, unseen]), (1.0, [[80.0, 80.0], unseen])):
        recipe = tiny_nuclei_recipe(sampling={"shift_um": shift_um, "reach_um": 1.5, "look_alikes": True})
        assert find_crops(recipe, [region]).points.tolist() == left


@pytest.mark.parametrize("stain_model", ["ruifrok", "macenko"])
def test_crops_are_shown_in_the_colours_of_the_domain_that_they_are_said_to_be_of(stain_model: StainModel) -> None:
    """Augmentation goes on from there: with the stains of these colours, or with the constants."""
    augment = {"stain_model": stain_model}
    system = system_of(tiny_nuclei_recipe(sampling={"unsa": "template", "reach_um": 1.5}, augment=augment))
    other = Staining(StainMatrix(VECTORS, "macenko"), np.array([2.0, 0.5]))
    plain, shown = system._windows([3, 3], [(0.0, 0.0)] * 2, 16, [(0, None), (1, other)])
    region = system.crops.of(3)
    np.testing.assert_array_equal(plain.pixels, system.crops.pixels(3, 16))
    np.testing.assert_array_equal(shown.pixels, restained(plain.pixels, system.colours.staining(region), other))
    assert not np.array_equal(shown.pixels, plain.pixels)
    assert (shown.stains is other.stains) == (stain_model == "macenko")


def test_batches_in_other_colours_come_again_and_without_them_are_what_they_were() -> None:
    """The domains of a batch are those that its crops are shown in: with random ones up to five."""
    plain = system_of(tiny_nuclei_recipe())
    system = system_of(tiny_nuclei_recipe(sampling={"unsa": "vahadane_random", "reach_um": 1.5}))
    batches = [system.make(0, number) for number in range(8)]
    again = system_of(system.recipe).make(0, 1)
    assert all(torch.equal(a, b) for a, b in zip(batches[1], again, strict=True))
    seen = {number for batch in batches for number in batch[3].tolist()}
    assert seen <= set(range(5))
    assert len(seen) > 2
    for number, batch in enumerate(batches):
        before = plain.make(0, number)
        own = batch[3] == before[3]
        assert torch.equal(batch[0][own], before[0][own])
        assert not any(
            torch.equal(first, second) for first, second in zip(batch[0][~own], before[0][~own], strict=True)
        )
        assert torch.equal(batch[1], before[1])


@pytest.mark.parametrize("joint", [False, True])
def test_a_batch_in_parts_has_the_same_loss(joint: bool) -> None:
    """Without what parts have of their own: norms of a batch, dropout and partners."""
    values = []
    for parts in (1, 3):
        recipe = tiny_nuclei_recipe(optimiser={"batch_size": 6, "batches_per_epoch": 2, "accumulate": parts})
        system, model = system_of(recipe, joint), network_of(recipe).eval()
        value = system.loss(model, system.make(0, 0))
        value.backward()
        gradient = model.trunk.conv1a.weight.grad
        assert gradient is not None
        values.append((value.item(), gradient.abs().sum().item()))
    assert values[0] == pytest.approx(values[1], rel=1e-4)
    assert values[0][1] > 0


def test_the_joint_stage_learns_children_and_the_other_does_not() -> None:
    recipe = tiny_nuclei_recipe()
    for joint in (False, True):
        system, model = system_of(recipe, joint), network_of(recipe)
        centres = model.get_buffer("child_centres").clone()
        system.loss(model.train(), system.make(0, 0)).backward()
        assert model.child_head is not None
        assert (model.child_head.weight.grad is not None) == joint
        assert torch.equal(model.get_buffer("child_centres"), centres) != joint


def test_the_validation_loss_of_a_network_that_knows_nothing() -> None:
    """Half for either class: a quarter, its square, of log 2; on as many figures as others."""
    recipe = tiny_nuclei_recipe()
    system, model = system_of(recipe), network_of(recipe)
    torch.nn.init.zeros_(model.parent_head.weight)
    system.searches = False
    assert system.validate(model) == {"validation_loss": pytest.approx(0.25 * math.log(2))}
    assert np.bincount(system.validation_crops.classes).tolist() == [20, 20]


def test_all_nuclei_are_found_by_a_network_that_says_yes() -> None:
    """Five figures of thirty nuclei, none nearer to another than what is merged."""
    recipe = tiny_nuclei_recipe()

    def yes(crops: np.ndarray) -> Judged:
        return Judged(np.full((1, len(crops)), 0.9, np.float32), np.ones((1, len(crops), 2, 2), np.float32))

    point = best_score(yes, [region_of_nuclei("a"), region_of_nuclei("b", 1)], recipe)
    counts = point.counts
    assert (counts.recall, counts.precision) == (pytest.approx(1), pytest.approx(1 / 6))
    assert 0.5 <= point.threshold <= 0.9


def test_the_predictor_is_what_is_exported_and_crops_are_judged_in_order() -> None:
    recipe = tiny_nuclei_recipe()
    system, model = system_of(recipe), network_of(recipe)
    predictor = CropPredictor(model.train(), recipe.input, CPU)
    pixels = np.stack([system.crops.pixels(number, 16) for number in range(70)])
    found = predictor(pixels)
    assert (found.probabilities.shape, found.activations.shape) == ((1, 70), (1, 70, 2, 2))
    answers = list(judged(predictor, system.crops.taken(np.arange(70)), 16))
    assert [len(of_batch.parents) for of_batch in answers] == [64, 6]
    logits = torch.cat([of_batch.parents for of_batch in answers])
    assert found.probabilities[0] == pytest.approx(torch.softmax(logits, 1)[:, 1].numpy(), abs=1e-5)
    with torch.no_grad():
        probabilities, _ = Located(model)(predictor.prepared(pixels))
    np.testing.assert_array_equal(found.probabilities[0], probabilities.numpy())


def test_look_alikes_that_would_not_be_used_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AlgorithmError, match=r"mined look-alikes would be of no use\. Add sampling\.look_alikes=true"):
        read_for(tiny_nuclei_recipe(), [], [], None, tmp_path / "look-alikes.csv")
    with pytest.raises(InputError, match=r"look-alikes\.csv cannot be read"):
        read_for(tiny_nuclei_recipe(sampling={"look_alikes": True}), [], [], None, tmp_path / "look-alikes.csv")


def test_runs_become_a_bundle_that_detects(card: Card, tmp_path: Path) -> None:
    """Of two runs without stages; its probability and activation are the checkpoints'."""
    recipe = tiny_nuclei_recipe(
        model={"name": "mitdet", "width": 1, "units": [1, 1, 1, 1]},
        sampling={"balance": "none", "reach_um": 1.5},
        optimiser={"batch_size": 4, "epochs": 1, "batches_per_epoch": 1},
    )
    runs = [tmp_path / "first", tmp_path / "second"]
    for number, run in enumerate(runs):
        fit(recipe.model_copy(update={"seed": number}), data_of_nuclei(), run, number, resume=False)
    parity = export(runs, card, tmp_path / "bundle", weights="float16")
    assert parity["largest_logit_difference"] < 1e-3
    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.manifest.detector == "nuclei"
    assert bundle.manifest.candidates == recipe.candidates
    crops = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
    found = CropEnsemble(bundle, "cpu")(crops)
    for member, run in enumerate(runs):
        model = build_model(recipe.model, load_checkpoint(run / BEST)["model"])
        expected = CropPredictor(model, recipe.input, CPU)(crops)
        assert found.probabilities[member] == pytest.approx(expected.probabilities[0], abs=0.01)
        assert found.activations[member] == pytest.approx(expected.activations[0], abs=0.02)
    image = RegionImage(region_of_nuclei("a"))
    assert detectors.load(bundle, "cpu").detect(image).tiles_run == 30

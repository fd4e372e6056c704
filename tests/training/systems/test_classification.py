"""The classifier's losses by hand, its batches, and runs from data to a bundle's answers."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from algorithm.bundle import load_classification_bundle
from algorithm.classifier import Classifier
from algorithm.errors import AlgorithmError
from tests.training.drawing import drawn_pixels, tiny_classifier_recipe, tiny_classifier_tree, typed_data
from training import distributed
from training.__main__ import main
from training.bundles.card import Card
from training.checkpoints import BEST, LAST, load_checkpoint
from training.data.figures import FigureSampler
from training.data.split import split_fold
from training.data.typed import read_typed
from training.export import export
from training.fit import fit
from training.loss_settings import TaskSettings
from training.mask_settings import MaskSettings
from training.masks.use import with_masks
from training.models.build import build_model
from training.predictor import Predictor
from training.recipe import recipe_from
from training.revalidate import recipe_of_run, revalidate
from training.systems.classification import (
    Classification,
    class_weights,
    generalised_dice,
    task_losses,
    weighted_cross_entropy,
)
from training.trainer import Trainer

LONGER = {"learning_rate": 1e-2, "batch_size": 8, "epochs": 3, "batches_per_epoch": 12}


def test_classes_weigh_alike() -> None:
    weights = class_weights(np.array([1, 0, 0, 0], np.float32))
    assert weights.tolist() == pytest.approx([4 / 6, 4 / 2])
    assert (weights[1], weights[0] * 3) == (2, 2)
    assert class_weights(np.array([2 / 3, 1 / 3, 0, 0], np.float32)).tolist() == pytest.approx(weights.tolist())


def test_cross_entropy_by_hand() -> None:
    logits, types = torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [0.0]])
    expected = (3 * math.log(2) + 0.5 * math.log(1 + math.exp(2))) / 2
    assert weighted_cross_entropy(logits, types, torch.tensor([0.5, 3.0])).item() == pytest.approx(expected)


def test_cross_entropy_of_a_split_vote_is_that_of_its_experts() -> None:
    logits, weights = torch.tensor([[0.7]] * 3), torch.tensor([0.5, 3.0])
    by_expert = weighted_cross_entropy(logits, torch.tensor([[1.0], [1.0], [0.0]]), weights)
    together = weighted_cross_entropy(logits[:1], torch.tensor([[2 / 3]]), weights)
    assert together.item() == pytest.approx(by_expert.item())


def test_generalised_dice_by_hand() -> None:
    """Two pixels of one class and one of another, of three."""
    targets = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]).view(1, 2, 1, 3)
    guess = torch.tensor([[0.5, 1.0, 0.0], [0.5, 0.0, 1.0]]).view(1, 2, 1, 3)
    overlap, together = 1.5 / 4 + 1, (1.5 + 2) / 4 + (1.5 + 1)
    assert generalised_dice(guess, targets).item() == pytest.approx(1 - 2 * overlap / together)
    assert generalised_dice(targets, targets).item() == pytest.approx(0)
    assert generalised_dice(1 - targets, targets).item() == pytest.approx(1)


def test_a_class_that_a_batch_lacks_weighs_as_the_rarest() -> None:
    targets = torch.tensor([[1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0], [0.0] * 4]).view(1, 3, 1, 4)
    guess = torch.full((1, 3, 1, 4), 1 / 3, requires_grad=True)
    value = generalised_dice(guess, targets)
    overlap, together = (3 / 9 + 1) / 3, (3 + 4 / 3) / 9 + (1 + 4 / 3) + 4 / 3
    assert value.item() == pytest.approx(1 - 2 * overlap / together)
    value.backward()
    assert guess.grad is not None and guess.grad.isfinite().all()


def test_other_tasks_see_their_classes() -> None:
    """Certain and right answers cost nothing; a class taken for the other costs the pixels' task alone."""
    masks = torch.zeros(2, 2, 4, 4)
    masks[0, 0, :2], masks[1, 1, 2:] = 1, 1
    figure = masks.amax(1, keepdim=True)
    sure = 50 * (2 * figure - 1)
    classes = 50 * torch.cat([1 - figure, masks], 1)
    assert task_losses(sure, classes, masks, TaskSettings()).item() == pytest.approx(0, abs=1e-6)
    swapped = classes[:, [0, 2, 1]]
    wrong = task_losses(sure, swapped, masks, TaskSettings()).item()
    assert wrong > 0.3
    assert task_losses(sure, swapped, masks, TaskSettings(pixel_classes=0)).item() == pytest.approx(0, abs=1e-6)
    assert task_losses(-sure, classes, masks, TaskSettings(pixel_classes=0)).item() == pytest.approx(1, abs=1e-6)


def system(**changes: object) -> Classification:
    recipe = tiny_classifier_recipe(**changes)
    return Trainer(recipe, split_fold(typed_data(), recipe, 0)).system


def test_batches_follow_from_epoch_and_number_and_processes_share_them(monkeypatch: pytest.MonkeyPatch) -> None:
    one = system()
    patches, masks, types = one.make(0, 1)
    assert (patches.shape, masks.shape, types.shape) == ((6, 3, 32, 32), (6, 2, 32, 32), (6, 1))
    assert (masks.amax((2, 3))[:, 1:] == types).all()
    system().make(0, 2)
    assert torch.equal(system().make(0, 1)[0], patches)
    assert not torch.equal(one.make(1, 1)[0], patches)
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    monkeypatch.setattr(distributed, "rank", lambda: 1)
    assert torch.equal(one.make(0, 1)[0], patches[1::2])


def test_votes_are_learnt_where_the_recipe_says_so_but_never_measured_against() -> None:
    recipe = tiny_classifier_recipe(expert_votes=True)
    data = typed_data()
    split_votes = [[replace(r, votes=0.25 + 0.5 * r.atypical) for r in regions] for regions in data.annotated]
    trainer = Trainer(recipe, split_fold(replace(data, annotated=split_votes), recipe, 0))
    learnt = trainer.system.make(0, 1)[2]
    assert set(learnt.flatten().tolist()) == {0.25, 0.75}
    assert torch.equal(learnt, 0.25 + 0.5 * system().make(0, 1)[2])
    voted, by_majority = (of.validate(trainer.model) for of in (trainer.system, system()))
    assert voted.pop("validation_loss") != by_majority.pop("validation_loss")
    assert voted.pop("validation_main_loss") != by_majority.pop("validation_main_loss")
    assert voted == by_majority


def test_batch_in_parts_has_the_same_loss() -> None:
    whole, parts = system(), system(optimiser={"batch_size": 6, "accumulate": 3})
    torch.manual_seed(0)
    model = build_model(whole.recipe.model)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()  # which alone tells parts from a whole
    batch = whole.make(0, 0)
    torch.testing.assert_close(parts.loss(model, batch), whole.loss(model, batch))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Runs of both folds by slide, long enough to learn."""
    folder = tmp_path_factory.mktemp("runs")
    recipe = tiny_classifier_recipe(optimiser=LONGER)
    for fold in (0, 1):
        fit(recipe, typed_data(slides=8), folder / str(fold), fold=fold, resume=False)
    return [folder / "0", folder / "1"]


def test_a_run_learns_and_says_how_well(runs: list[Path]) -> None:
    lines = [json.loads(line) for line in (runs[0] / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1].keys() == {
        "epoch",
        "training_loss",
        "validation_loss",
        "validation_main_loss",
        "validation_balanced_accuracy",
        "validation_sensitivity",
        "validation_specificity",
        "validation_auroc",
        "threshold",
    }
    assert lines[-1]["validation_auroc"] > 0.9
    assert all(line["validation_loss"] > line["validation_main_loss"] for line in lines)


def test_half_precision_is_for_training_alone() -> None:
    whole, half = system(), system(optimiser={"batch_size": 6, "precision": "bfloat16"})
    torch.manual_seed(0)
    model = build_model(whole.recipe.model)
    batch = whole.make(0, 0)
    losses = [each.loss(model, batch).item() for each in (whole, half)]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], abs=0.05)
    assert half.validate(model) == whole.validate(model)


def test_a_single_task_has_one_loss(tmp_path: Path) -> None:
    model = tiny_classifier_recipe().model.model_dump() | {"decoders": False}
    fit(tiny_classifier_recipe(model=model), typed_data(), tmp_path, fold=0, resume=False)
    (line, _) = (json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines())
    assert line["validation_loss"] == line["validation_main_loss"]


def test_a_domain_is_tested_and_the_next_one_validates(tmp_path: Path) -> None:
    recipe = tiny_classifier_recipe(folds_by="domain", validate_on="domain", optimiser=LONGER)
    data = typed_data("abc")
    split = split_fold(data, recipe, "c")
    names = [
        sorted({region.domain for regions in part for region in regions})
        for part in (split.training, split.validation, split.tested)
    ]
    assert names == [["b"], ["a"], ["c"]]
    tested = fit(recipe, data, tmp_path, fold="c", resume=False)[tmp_path]
    assert tested.keys() == {f"tested_{name}" for name in ("balanced_accuracy", "sensitivity", "specificity", "auroc")}
    assert load_checkpoint(tmp_path / BEST)["best"]["tested_auroc"] == tested["tested_auroc"]


def test_the_mean_of_the_weights_is_what_is_kept(tmp_path: Path) -> None:
    """A run stopped and resumed has the same mean; it is not the network that trains."""
    recipe = tiny_classifier_recipe(optimiser={**LONGER, "epochs": 2, "average": 0.2})
    trainer = Trainer(recipe, split_fold(typed_data(), recipe, 0))
    straight = Trainer(recipe, split_fold(typed_data(), recipe, 0))
    for _ in range(2):
        straight.run_epoch(lambda: None)
    trainer.run_epoch(lambda: None)
    resumed = Trainer(recipe, split_fold(typed_data(), recipe, 0))
    resumed.restore(trainer.state())
    resumed.run_epoch(lambda: None)
    for one, other in ((resumed.kept[0].network, straight.kept[0].network), (resumed.model, straight.model)):
        torch.testing.assert_close(one.state_dict(), other.state_dict(), rtol=0, atol=0)
    weights = [model.state_dict()["head.2.weight"] for model in (straight.kept[0].network, straight.model)]
    assert not torch.equal(*weights)
    assert torch.equal(straight.state()["model"]["head.2.weight"], weights[0])


def test_the_mean_moves_by_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first step begins it, the next ones move it by 10 / 11 and 10 / 12; batch normalisation's numbers too."""
    recipe = tiny_classifier_recipe(optimiser={**LONGER, "average": 0.25})
    trainer = Trainer(recipe, split_fold(typed_data(), recipe, 0))
    seen = []
    for step in range(3):
        trainer._step(step, trainer.system.make(0, step))
        state = trainer.model.state_dict()
        seen.append({key: state[key].clone() for key in ("head.2.weight", "encoder.stem.norm.running_mean")})
    for key, kept in trainer.kept[0].network.state_dict().items():
        if key in seen[0]:
            begun = seen[0][key] / 11 + seen[1][key] * 10 / 11
            torch.testing.assert_close(kept, begun / 6 + seen[2][key] * 5 / 6)


def test_a_run_is_read_again_with_rotations(runs: list[Path]) -> None:
    recipe = recipe_of_run(runs[0], ["postprocess.rotations=4", "postprocess.threshold=0.4"])
    found = revalidate(runs[0], recipe, typed_data(slides=8), keep=False)
    before = load_checkpoint(runs[0] / BEST)["best"]
    assert found["threshold"] == 0.4
    assert found["validation_loss"] == pytest.approx(before["validation_loss"])


def test_a_bundle_types_as_its_runs_do(runs: list[Path], card: Card, tmp_path: Path) -> None:
    """Without the decoders; and what it says of itself is of the slides that each member has not seen."""
    data = typed_data(slides=8)
    parity = export(runs, card, tmp_path / "bundle", data, "float16")
    assert parity["largest_logit_difference"] < 1e-4
    bundle = load_classification_bundle(tmp_path / "bundle")
    manifest = bundle.manifest
    assert [member.held_out for member in manifest.members] == [0, 1]
    assert manifest.provenance.validation.slides == 8
    assert manifest.provenance.validation.auroc > 0.9
    assert manifest.provenance.validation.threshold == manifest.postprocess.threshold
    checkpoint = load_checkpoint(runs[0] / BEST)
    kept = sum(part.numel() for name, part in checkpoint["model"].items() if name.startswith(("encoder", "head")))
    assert 2 * kept < (tmp_path / "bundle" / "member_0.onnx").stat().st_size < 8 * kept + 40_000
    recipe = recipe_of_run(runs[0], [])
    split = split_fold(data, recipe, 0)
    sampler = Classification(recipe, split, torch.device("cpu")).validation
    patches = [sampler.window(index, 32).pixels for index in range(len(sampler))]
    found = Classifier(bundle, "cpu").classify(patches)
    predict = Predictor(build_model(recipe.model, checkpoint["model"]), recipe.input, torch.device("cpu"))
    expected = 1 / (1 + np.exp(-predict.logits(np.stack(patches))[0] / manifest.postprocess.temperature))
    np.testing.assert_allclose(found.member_probabilities[:, 0], expected, atol=0.02)


def test_networks_of_two_kinds_make_one_bundle(runs: list[Path], card: Card, tmp_path: Path) -> None:
    """They see and say the same; how each was made is its own, and the manifest says which recipe that was."""
    data = typed_data(slides=8)
    wider = tiny_classifier_tree(optimiser=LONGER)
    wider["name"], wider["model"]["encoder"]["width"] = "wider", 6
    fit(recipe_from(wider, "wider"), data, tmp_path / "wider", fold=1, resume=False)
    export([runs[0], tmp_path / "wider"], card, tmp_path / "bundle", data)
    manifest = load_classification_bundle(tmp_path / "bundle").manifest
    assert manifest.provenance.recipe == "tiny and wider"
    assert [member.recipe for member in manifest.members] == ["tiny", "wider"]
    assert manifest.provenance.validation.slides == 8

    wider["postprocess"] = {"rotations": 4}
    fit(recipe_from(wider, "wider"), data, tmp_path / "turned", fold=1, resume=False)
    with pytest.raises(AlgorithmError, match=r"turned was trained with another recipe than .*: postprocess differs"):
        export([runs[0], tmp_path / "turned"], card, tmp_path / "another")


def test_a_run_resumes(runs: list[Path], tmp_path: Path) -> None:
    checkpoint = load_checkpoint(runs[0] / LAST)
    assert checkpoint["epoch"] == 3
    recipe = tiny_classifier_recipe(optimiser=LONGER)
    fit(recipe, typed_data(slides=8), runs[0], fold=0, resume=True)
    assert load_checkpoint(runs[0] / LAST)["epoch"] == 3


def test_patches_have_the_masks_that_were_made_of_them(tmp_path: Path) -> None:
    """Of folders of classes: the outline of a figure, which is no disk of 3 um."""
    for name, of_class in (("a_1", "normal"), ("b_1", "atypical")):
        path = tmp_path / "mine" / of_class / f"{name}.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(drawn_pixels(64, 64, [(32, 32)], [])).save(path)
    words = ["make-masks", str(tmp_path / "mine"), "--typed", "--output", str(tmp_path / "masks")]
    assert main(words) == 0
    data = with_masks(
        read_typed([tmp_path / "mine"], 0.25), [tmp_path / "mine"], [tmp_path / "masks" / "mine.npz"], MaskSettings()
    )
    window = FigureSampler(data.annotated, radius_px=12).window(0, 48)
    assert window.mask[1, 24, 24] == 1
    assert 60 < window.mask[1].sum() < 200  # a disk of 12 px has 441
    assert window.mask[0].sum() == 0

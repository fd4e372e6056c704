"""The system of boxes from its batches to a bundle that detects."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from algorithm import detectors
from algorithm.bundle import load_bundle
from algorithm.runtime import BoxEnsemble
from algorithm.size import Size
from algorithm.tiles import stride_px
from tests.arrays import ArrayImage
from tests.training.drawing import drawn_data, drawn_pixels, tiny_tree
from training.bundles.card import Card
from training.checkpoints import BEST, load_checkpoint
from training.data.split import split_fold
from training.export import export
from training.fit import fit
from training.models.build import build_model
from training.models.describe import describe
from training.recipe import BoxesRecipe, load_recipe, recipe_from
from training.systems.boxes import BoxDetection, BoxPredictor

SIZE = Size(64, 32)
BOXES = {
    "system": "boxes",
    "model": {"name": "rtmdet", "width": 0.125, "depth": 0.33},
    "postprocess": {"threshold": 0.5, "lower_threshold": 0.05, "views": "five"},
    "sampling": {"box_um": 4.0},
}


def recipe_of(**changes: Any) -> BoxesRecipe:
    """A network of 50,000 parameters."""
    tree = tiny_tree(**{**BOXES, **changes})
    recipe = recipe_from({**tree, "input": {**tree["input"], "tile_px": SIZE.written}}, "tiny")
    assert isinstance(recipe, BoxesRecipe)
    return recipe


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    for fold in (0, 1):
        fit(recipe_of(), drawn_data(), folder / str(fold), fold, resume=False)
    return [folder / "0", folder / "1"]


def test_the_recipes_of_the_project_are_read() -> None:
    published = load_recipe("rtmdet_s")
    assert isinstance(published, BoxesRecipe)
    assert published.box_px == 64
    assert published.input.tile_px == (1920, 1280)
    assert stride_px(published.input.tile_px, published.input.overlap) == (1920 - 128, 1280 - 128)
    assert describe(published).parameters == 8_856_738
    small = load_recipe("rtmdet_small")
    assert isinstance(small, BoxesRecipe)
    assert small.box_px == 32


def test_a_network_learns_to_find_the_figures() -> None:
    """On a picture that it was not trained on, from scratch."""
    recipe = recipe_of(optimiser={"batch_size": 8, "epochs": 1, "batches_per_epoch": 60})
    torch.manual_seed(0)
    system = BoxDetection(recipe, split_fold(drawn_data(), recipe, 0), torch.device("cpu"))
    model = build_model(recipe.model)
    optimiser = torch.optim.AdamW(model.parameters(), 3e-3)
    before = system.validate(model)
    for batch in system.batches(0):
        model.train()
        optimiser.zero_grad()
        system.loss(model, batch).backward()
        optimiser.step()
    after = system.validate(model)
    assert before["validation_f1"] < 0.5
    assert after["validation_f1"] > 0.9


def test_a_run_has_the_figures_of_its_validation(runs: list[Path]) -> None:
    best = load_checkpoint(runs[0] / BEST)["best"]
    assert {"validation_loss", "validation_f1", "threshold"} <= set(best)
    assert np.isfinite(best["validation_loss"])


def test_a_bundle_answers_as_its_checkpoints_do(runs: list[Path], tmp_path: Path) -> None:
    """Boxes and logits of both members, of tiles as they lie and turned, and the detector that is made of them."""
    source = {"name": "drawn", "licence": "Apache-2.0", "source": "drawn"}
    card = Card.model_validate({"name": "tiny", "version": "1", "datasets": [source], "intended_use": "Tests."})
    parity = export(runs, card, tmp_path / "bundle", weights="float16")
    assert parity["largest_logit_difference"] < 1e-3
    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.manifest.detector == "boxes"
    assert [member.held_out for member in bundle.manifest.members] == [0, 1]
    assert bundle.manifest.input.tile_px == SIZE
    ensemble, recipe = BoxEnsemble(bundle, "cpu"), recipe_of()
    upright = np.random.default_rng(0).integers(0, 256, (3, SIZE.height, SIZE.width, 3), np.uint8)
    for tiles in (upright, np.rot90(upright, axes=(1, 2))):
        found = ensemble.answers(tiles)
        assert found.shape == (2, 3, 6, 2 * (16 + 4 + 1))
        for member, run in enumerate(runs):
            model = build_model(recipe.model, load_checkpoint(run / BEST)["model"])
            (expected,) = BoxPredictor(model, recipe.input, torch.device("cpu"))(tiles)
            assert found[member] == pytest.approx(expected, abs=0.2)  # weights of 16 bits; boxes in px
    image = ArrayImage(drawn_pixels(96, 80, [(20, 24), (70, 52)], []))
    assert detectors.load(bundle, "cpu").detect(image).tiles_run > 0


def test_mosaics_are_for_training_alone() -> None:
    recipe = recipe_of(sampling={"box_um": 4.0, "mosaic": 0.5})
    system = BoxDetection(recipe, split_fold(drawn_data(), recipe, 0), torch.device("cpu"))
    assert (system.made.sampler.settings.mosaic, system.validation_sampler.settings.mosaic) == (0.5, 0.0)

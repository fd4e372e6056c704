"""Training: the same bytes again, a run that stops and goes on, and what a run's folder holds."""

import json
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from algorithm.errors import AlgorithmError, InputError
from tests.training.comparison import differences
from tests.training.drawing import drawn_data, drawn_region, tiny_recipe, tiny_tree
from tests.training.interruption import interrupted_in_the_second_epoch
from training.checkpoints import BEST, LAST, load_checkpoint
from training.data.read import Data
from training.data.split import split_fold
from training.fit import fit
from training.models.build import build_model
from training.recipe import Recipe
from training.trainer import Trainer

METRICS = {
    "epoch",
    "training_loss",
    "validation_loss",
    "validation_f1",
    "validation_precision",
    "validation_recall",
    "threshold",
}


def trainer(recipe: Recipe) -> Trainer:
    return Trainer(recipe, split_fold(drawn_data(), recipe, 0))


def stopped_after_one_epoch(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is interrupted in its second epoch."""
    with interrupted_in_the_second_epoch(monkeypatch):
        fit(tiny_recipe(), drawn_data(), run, fold=0, resume=False)


def test_the_same_seed_gives_the_same_bytes(runs: list[Path], tmp_path: Path) -> None:
    fit(tiny_recipe(), drawn_data(), tmp_path / "again", fold=0, resume=False)
    for name in (LAST, BEST, "metrics.jsonl"):
        assert (tmp_path / "again" / name).read_bytes() == (runs[0] / name).read_bytes()


def test_another_seed_gives_others(runs: list[Path]) -> None:
    first, second = (load_checkpoint(run / LAST)["model"]["final_conv.weight"] for run in runs)
    assert not torch.equal(first, second)


def test_a_run_that_stopped_goes_on_as_if_it_had_not(
    runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "stopped"
    stopped_after_one_epoch(run, monkeypatch)
    assert load_checkpoint(run / LAST)["epoch"] == 1
    torch.rand(7)  # whatever else draws random numbers
    fit(tiny_recipe(), drawn_data(), run, fold=0, resume=True)
    assert (run / "metrics.jsonl").read_bytes() == (runs[0] / "metrics.jsonl").read_bytes()
    for name in (LAST, BEST):
        assert differences(run / name, runs[0] / name) == set()


def test_resuming_a_finished_run_changes_nothing(runs: list[Path]) -> None:
    before = (runs[0] / LAST).read_bytes()
    fit(tiny_recipe(), drawn_data(), runs[0], fold=0, resume=True)
    assert (runs[0] / LAST).read_bytes() == before


def test_a_run_learns(runs: list[Path]) -> None:
    trained = load_checkpoint(runs[0] / LAST)["model"]
    torch.manual_seed(0)
    fresh = build_model(tiny_recipe().model).state_dict()
    assert trained.keys() == fresh.keys()
    idle = {key for key in trained if torch.equal(trained[key], fresh[key])}
    # where a tile of 32 px is one pixel there is nothing to forget
    assert idle == {f"{stage}.blocks.0.self_attention.A_logs" for stage in ("layers.3", "layers_up.0")}


def test_metrics_are_lines_of_json(runs: list[Path]) -> None:
    lines = [json.loads(line) for line in (runs[0] / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2]
    assert all(line.keys() == METRICS for line in lines)
    assert all(0 < line["training_loss"] < 2 and 0 <= line["validation_f1"] <= 1 for line in lines)


def test_tensorboard_has_the_same_metrics(runs: list[Path]) -> None:
    lines = [json.loads(line) for line in (runs[1] / "metrics.jsonl").read_text().splitlines()]
    board = EventAccumulator(str(runs[1])).Reload()
    assert set(board.Tags()["scalars"]) == METRICS - {"epoch"}
    events = board.Scalars("validation_loss")
    assert [event.step for event in events] == [1, 2]
    assert [event.value for event in events] == pytest.approx([line["validation_loss"] for line in lines])


@pytest.mark.parametrize(("select_on", "better"), [("loss", min), ("f1", max)])
def test_the_best_epoch_is_kept(tmp_path: Path, select_on: str, better: type[min]) -> None:
    optimiser = {"learning_rate": 2e-2, "batch_size": 2, "epochs": 3, "batches_per_epoch": 2}
    fit(tiny_recipe(select_on=select_on, optimiser=optimiser), drawn_data(), tmp_path, fold=0, resume=False)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    key = f"validation_{select_on}"
    best = load_checkpoint(tmp_path / BEST)
    assert best["best"][key] == better(line[key] for line in lines)
    assert best["epoch"] == best["best"]["epoch"]
    assert load_checkpoint(tmp_path / LAST)["epoch"] == 3


def test_the_last_epoch_can_be_kept(tmp_path: Path) -> None:
    optimiser = {"learning_rate": 5e-2, "batch_size": 2, "epochs": 3, "batches_per_epoch": 1}
    fit(tiny_recipe(select_on="last", optimiser=optimiser), drawn_data(), tmp_path, fold=0, resume=False)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert load_checkpoint(tmp_path / BEST)["best"] == lines[-1]
    assert load_checkpoint(tmp_path / BEST)["epoch"] == 3


def test_a_run_is_not_overwritten(runs: list[Path]) -> None:
    before = (runs[0] / LAST).read_bytes()
    with pytest.raises(AlgorithmError, match=r"already holds a run\. Add --resume"):
        fit(tiny_recipe(), drawn_data(), runs[0], fold=0, resume=False)
    assert (runs[0] / LAST).read_bytes() == before


@pytest.mark.parametrize(("changes", "fold"), [({"seed": 5}, 0), ({"optimiser": {"epochs": 9}}, 0), ({}, 1)])
def test_another_recipe_or_fold_is_not_resumed(runs: list[Path], changes: dict[str, object], fold: int) -> None:
    with pytest.raises(AlgorithmError, match="another recipe or fold"):
        fit(tiny_recipe(**changes), drawn_data(), runs[0], fold=fold, resume=True)


def test_nothing_is_resumed_from_nothing(tmp_path: Path) -> None:
    with pytest.raises(AlgorithmError, match="There is no checkpoint"):
        fit(tiny_recipe(), drawn_data(), tmp_path / "new", fold=0, resume=True)
    assert not (tmp_path / "new").exists()


def test_a_fold_without_figures_is_refused(tmp_path: Path) -> None:
    data = Data([[drawn_region("only")]], [], [])
    with pytest.raises(InputError, match="No region of the fold"):
        fit(tiny_recipe(), data, tmp_path / "run", fold=1, resume=False)


def test_the_negatives_kept_are_those_taken_most_for_figures() -> None:
    """With a network whose logit is the tile's red, the reddest."""
    keen = trainer(tiny_recipe(sampling={"negatives_drawn": 3}))
    keen.model.forward = lambda tiles: tiles[:, :1]
    reds = torch.tensor([0.1, 0.2, 0.5, 0.9, 0.3, 0.4, 0.8, 0.6])  # two positives, then six negatives
    tiles = torch.zeros(8, 3, 32, 32)
    tiles[:, 0, 5, 7] = reds
    masks = torch.arange(8.0).view(8, 1, 1, 1).expand(8, 1, 32, 32)
    kept, own_masks = keen.system.whole_batch(keen.model, tiles, masks)
    assert kept[:, 0, 5, 7].tolist() == reds[[0, 1, 3, 6]].tolist()
    assert own_masks[:, 0, 0, 0].tolist() == [0, 1, 3, 6]


def test_a_run_with_more_negatives_drawn_trains_on_whole_batches(tmp_path: Path) -> None:
    recipe = tiny_recipe(sampling={"negatives_drawn": 2})
    tiles, _ = trainer(recipe).system.made.make(0, 0)
    assert len(tiles) == 6
    fit(recipe, drawn_data(), tmp_path, fold=0, resume=False)
    assert load_checkpoint(tmp_path / LAST)["epoch"] == 2


def test_a_run_whose_stains_are_estimated_repeats(tmp_path: Path) -> None:
    """And its regions' stains are their own, not the constants."""
    optimiser = {"learning_rate": 2e-3, "batch_size": 4, "epochs": 1, "batches_per_epoch": 2}
    augment = {"stain": 1, "stain_pair": True, "stain_gain": 0.4, "stain_shift": 0.2}
    weights = {}
    for name, model in (("first", "vahadane"), ("again", "vahadane"), ("constants", "ruifrok")):
        recipe = tiny_recipe(optimiser=optimiser, augment={**augment, "stain_model": model})
        fit(recipe, drawn_data(), tmp_path / name, fold=0, resume=False)
        weights[name] = load_checkpoint(tmp_path / name / LAST)["model"]["final_conv.weight"]
    assert torch.equal(weights["first"], weights["again"])
    assert not torch.equal(weights["first"], weights["constants"])


def test_a_checkpoint_from_before_a_setting_is_resumed(runs: list[Path], tmp_path: Path) -> None:
    checkpoint = load_checkpoint(runs[0] / LAST)
    assert checkpoint["recipe"]["augment"].pop("stain_model") == "ruifrok"
    torch.save(checkpoint, tmp_path / LAST)
    fit(tiny_recipe(), drawn_data(), tmp_path, fold=0, resume=True)
    changed = tiny_tree()["augment"] | {"stain_model": "macenko"}
    with pytest.raises(AlgorithmError, match="another recipe or fold"):
        fit(tiny_recipe(augment=changed), drawn_data(), tmp_path, fold=0, resume=True)


def test_a_run_that_diverges_stops_with_its_checkpoint_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = tiny_recipe()
    step = Trainer._step

    def poisoned(self: Trainer, number: int, batch: tuple[torch.Tensor, torch.Tensor]) -> float:
        tiles, masks = batch
        return step(self, number, (tiles * (float("nan") if number == 4 else 1), masks))

    monkeypatch.setattr(Trainer, "_step", poisoned)
    with pytest.raises(AlgorithmError, match=r"diverged: the gradient of batch 2 of epoch 2 is not finite"):
        fit(recipe, drawn_data(), tmp_path, fold=0, resume=False)
    state = load_checkpoint(tmp_path / LAST)
    assert state["epoch"] == 1
    assert all(part.isfinite().all() for part in state["model"].values())


def after_an_epoch(**optimiser: object) -> tuple[Trainer, float]:
    """A trainer without dropped paths after four batches of four, and their mean loss."""
    model = tiny_tree()["model"] | {"drop_path": 0.0}
    settings = {"learning_rate": 5e-5, "batch_size": 4, "batches_per_epoch": 4, **optimiser}
    trained = trainer(tiny_recipe(model=model, optimiser=settings, sampling={"negatives_drawn": 2}))
    return trained, trained.run_epoch(lambda: None)


def test_a_batch_in_parts_trains_as_a_whole_one() -> None:
    whole, loss_of_whole = after_an_epoch()
    for accumulate in (2, 4):
        parts, loss_of_parts = after_an_epoch(accumulate=accumulate)
        assert loss_of_parts == pytest.approx(loss_of_whole, abs=1e-5)
        torch.testing.assert_close(parts.model.state_dict(), whole.model.state_dict(), rtol=0, atol=1e-5)


def test_bfloat16_trains_as_float32_does_but_for_its_roundings() -> None:
    _, loss_of_whole = after_an_epoch()
    half, loss_of_half = after_an_epoch(precision="bfloat16")
    assert loss_of_half == pytest.approx(loss_of_whole, abs=0.01)
    assert loss_of_half != loss_of_whole
    for name, tensor in half.model.state_dict().items():
        assert tensor.dtype == torch.float32
        assert tensor.isfinite().all(), name


def test_validation_is_in_float32_whatever_training_is() -> None:
    """What is shipped is."""
    fitted = trainer(tiny_recipe(optimiser={"precision": "bfloat16", "batch_size": 2, "batches_per_epoch": 1}))
    types = []
    fitted.model.register_forward_hook(lambda _, __, logits: types.append(logits.dtype))
    fitted.run_epoch(lambda: None)
    assert set(types) == {torch.bfloat16}
    types.clear()
    fitted.validate(0.0)
    assert set(types) == {torch.float32}


def test_a_literal_epoch_has_as_many_batches_as_tiles_with_figures_take(tmp_path: Path) -> None:
    """Whatever the recipe says; three of a batch of four are such tiles. It stops and goes on as any run does."""
    recipe = tiny_recipe(sampling={"epoch": "literal", "positive_fraction": 0.75})
    tiles = {
        (region.name, x, y)
        for regions in split_fold(drawn_data(), recipe, 0).training
        for region in regions
        for x in (*range(0, region.width - 32, 32), region.width - 32)
        for y in (*range(0, region.height - 32, 32), region.height - 32)
        if ((region.figures >= (x, y)) & (region.figures < (x + 32, y + 32))).all(axis=1).any()
    }
    for resume in (False, True):
        fit(recipe, drawn_data(), tmp_path, fold=0, resume=resume)
    settings = load_checkpoint(tmp_path / LAST)["recipe"]["optimiser"]
    assert settings["batches_per_epoch"] == -(-len(tiles) // 3) != recipe.optimiser.batches_per_epoch

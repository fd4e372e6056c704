"""The stages of a run of nuclei: what each leaves behind, how a run goes on, and what is refused."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from algorithm.errors import AlgorithmError
from tests.training.crops import data_of_nuclei, tiny_nuclei_recipe
from training.checkpoints import BEST, LAST, load_checkpoint
from training.data.split import Split, split_fold
from training.data.stain_template import as_template
from training.fit import fit
from training.recipe import NucleiRecipe
from training.revalidate import recipe_of_run, revalidate
from training.stages import CHILDREN, CLUSTERS, CROPS, FIRST, PARENT, SECOND, START, Stages, last_stage
from training.systems.incdp import BUFFERS
from training.trainer import Trainer, starting_network
from training.weights.files import Weights

RECIPE = tiny_nuclei_recipe()
FILES = {CROPS, FIRST, SECOND, CHILDREN, CLUSTERS, PARENT, "difficulty-0", "difficulty-1", "children.png", BEST, LAST}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    path = tmp_path_factory.mktemp("stages") / "run"
    fit(RECIPE, data_of_nuclei(), path, 0, resume=False)
    return path


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The epochs that are trained, by how many child classes the network has."""
    epochs: list[int] = []
    run_epoch = Trainer.run_epoch

    def counted(trainer: Trainer, advance: object) -> float:
        epochs.append(trainer.recipe.model.children)
        return run_epoch(trainer, advance)

    monkeypatch.setattr(Trainer, "run_epoch", counted)
    return epochs


def split_of(recipe: NucleiRecipe = RECIPE) -> Split:
    return split_fold(data_of_nuclei(), recipe, 0)


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return dict(file)


def same_network(run: Path, other: Path) -> bool:
    first, second = (load_checkpoint(path / LAST)["model"] for path in (run, other))
    return all(torch.equal(tensor, second[key]) for key, tensor in first.items())


def test_every_stage_leaves_its_files(run: Path) -> None:
    assert {path.name for path in run.iterdir()} >= FILES
    assert len(load_checkpoint(run / "difficulty-0" / LAST)["model"]) > 0
    assert load_checkpoint(run / "difficulty-0" / LAST)["epoch"] == 1
    assert "validation_f1" not in load_checkpoint(run / PARENT / BEST)["best"]
    assert "validation_f1" in load_checkpoint(run / BEST)["best"]


def test_the_samples_are_what_they_are_to_be(run: Path) -> None:
    """Two slides of five figures and twenty-five other nuclei, a figure's own nucleus being another crop of it."""
    crops, first, second = (arrays(run / name) for name in (CROPS, FIRST, SECOND))
    figures, others = (np.flatnonzero(crops["classes"] == number) for number in (1, 0))
    assert (len(figures), len(others)) == (20, 50)
    assert len(first["clusters"]) == len(others)
    assert set(first["taken"]) <= set(others)
    assert len(first["taken"]) == 42  # twice as many as figures, rounded up in each of three clusters
    assert set(second["taken"]) <= set(first["taken"])
    assert len(second["taken"]) >= len(figures)


def test_the_joint_network_goes_on_from_the_parent_and_has_its_children(run: Path) -> None:
    children, last = arrays(run / CHILDREN), load_checkpoint(run / BEST)
    assert last["weights"]["file"] == f"{PARENT}/{BEST}"
    assert last["model"]["child_head.weight"].shape[0] == 4
    taken = np.concatenate([np.flatnonzero(arrays(run / CROPS)["classes"] == 1), arrays(run / SECOND)["taken"]])
    classes = arrays(run / CROPS)["classes"][taken]
    np.testing.assert_array_equal(children["labels"] // 2, classes)
    assert np.unique(children["labels"]).tolist() == [0, 1, 2, 3]
    weights = last["model"][BUFFERS[2]].numpy()
    assert weights == pytest.approx(children["weights"], rel=1e-5)
    assert not np.allclose(last["model"][BUFFERS[1]].numpy(), children["child_centres"])  # they have moved


def test_the_joint_stage_starts_where_the_parent_ended(run: Path) -> None:
    trainer = Stages(RECIPE, split_of(), run, None).last()
    parent, begun = load_checkpoint(run / PARENT / BEST)["model"], trainer.model.state_dict()
    assert all(torch.equal(begun[key], tensor) for key, tensor in parent.items())
    children = arrays(run / CHILDREN)
    assert begun[BUFFERS[0]].numpy() == pytest.approx(children["parent_centres"], rel=1e-5)


@pytest.mark.parametrize(
    "missing, epochs",
    [
        ([CHILDREN, BEST, LAST], [2, 2]),
        (["difficulty-1", SECOND, PARENT, CHILDREN, BEST, LAST], [0, 0, 0, 2, 2]),
    ],
)
def test_a_resumed_run_is_one_that_never_stopped(
    run: Path, missing: list[str], epochs: list[int], trained: list[int], tmp_path: Path
) -> None:
    """And it trains no stage again that has ended."""
    copy = shutil.copytree(run, tmp_path / "run")
    for name in missing:
        path = copy / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    fit(RECIPE, data_of_nuclei(), copy, 0, resume=True)
    assert trained == epochs
    assert same_network(run, copy)


def test_a_stage_that_was_stopped_goes_on(run: Path, trained: list[int], tmp_path: Path) -> None:
    """After one of the parent's two epochs."""
    copy = shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns(PARENT, CHILDREN, BEST, LAST))
    shutil.copytree(run / "difficulty-0", copy / "difficulty-0", dirs_exist_ok=True)
    stop = Trainer.save

    def save_and_stop(trainer: Trainer, folder: Path) -> None:
        stop(trainer, folder)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            fit(RECIPE, data_of_nuclei(), copy, 0, resume=True)
    assert load_checkpoint(copy / PARENT / LAST)["epoch"] == 1
    fit(RECIPE, data_of_nuclei(), copy, 0, resume=True)
    assert trained == [0, 0, 2, 2]
    assert same_network(run, copy)


@pytest.mark.parametrize("balance, count", [("none", 40), ("first", 42)])
def test_balance_can_be_less(balance: str, count: int, trained: list[int], tmp_path: Path) -> None:
    recipe = tiny_nuclei_recipe(sampling={"balance": balance, "clusters": 3, "ratio": 2, "reach_um": 1.5})
    stages = Stages(recipe, split_of(recipe), tmp_path, None)
    chosen = stages.chosen(stages.crops())
    assert np.bincount(chosen.classes).tolist() == [count, 20]
    assert trained == []
    again = stages.chosen(stages.crops())
    np.testing.assert_array_equal(again.points, chosen.points)


def test_those_that_judge_have_no_patience(trained: list[int], tmp_path: Path) -> None:
    """They keep their last epoch, and learn for as long as each other; what they leave is read again."""
    recipe = tiny_nuclei_recipe(optimiser={**RECIPE.optimiser.model_dump(), "patience": 1})
    stages = Stages(recipe, split_of(recipe), tmp_path, None)
    for _ in range(2):
        stages.chosen(stages.crops())
        assert trained == [0, 0]
        (tmp_path / SECOND).unlink()
    assert load_checkpoint(tmp_path / "difficulty-1" / LAST)["recipe"]["optimiser"]["patience"] is None


def test_every_look_alike_is_trained_on_where_the_recipe_wants_them(tmp_path: Path) -> None:
    """Two in the first region, of which the nuclei that are drawn beside them are others."""
    sampling = {"balance": "none", "ratio": 0.5, "reach_um": 1.5}
    split = split_of()
    first, *rest = split.training[0]
    look_alikes = np.array([[30.0, 32.0], [64.5, 100.0]])
    split = replace(split, training=[[replace(first, hard_negatives=look_alikes), *rest], *split.training[1:]])
    without = Stages(tiny_nuclei_recipe(sampling=sampling), split, tmp_path / "without", None)
    stages = Stages(tiny_nuclei_recipe(sampling={**sampling, "look_alikes": True}), split, tmp_path / "with", None)
    plain, crops = without.chosen(without.crops()), stages.chosen(stages.crops())
    assert (len(plain), len(crops)) == (30, 32)
    assert len(plain.of_look_alikes()) == 0
    at = crops.of_look_alikes()
    assert at.tolist() == [20, 21]
    assert crops.points[at].tolist() == look_alikes.tolist()
    assert len(np.unique(np.column_stack((crops.region, crops.points))[20:], axis=0)) == 12


def test_without_children_there_is_one_stage(trained: list[int], tmp_path: Path) -> None:
    recipe = tiny_nuclei_recipe(
        model={**RECIPE.model.model_dump(), "children": 0}, sampling={"balance": "none", "reach_um": 1.5}
    )
    fit(recipe, data_of_nuclei(), tmp_path / "run", 0, resume=False)
    assert trained == [0, 0]
    assert {path.name for path in (tmp_path / "run").iterdir()} & FILES == {CROPS, BEST, LAST}
    assert "validation_f1" in load_checkpoint(tmp_path / "run" / BEST)["best"]


def test_weights_to_start_from_are_kept_for_those_who_resume(tmp_path: Path) -> None:
    recipe = tiny_nuclei_recipe(
        model={**RECIPE.model.model_dump(), "children": 0, "frozen": True},
        sampling={"balance": "none", "reach_um": 1.5},
    )
    tensors = {"trunk.conv1a.weight": torch.full((1, 3, 3, 3), 0.5)}
    weights = Weights(tensors, {"file": "a.safetensors", "sha256": "0" * 64, "tensors": 1, "of": 9})
    run = tmp_path / "run"
    for resume, given in ((False, weights), (True, None)):
        trainer = last_stage(recipe, split_of(recipe), run, resume, given)
        assert torch.equal(trainer.model.get_parameter("trunk.conv1a.weight").detach(), tensors["trunk.conv1a.weight"])
        assert trainer.weights is not None
        assert trainer.weights["file"] == START


def test_what_cannot_be_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(AlgorithmError, match="already holds a run"):
        last_stage(RECIPE, split_of(), run, False, None)
    with pytest.raises(AlgorithmError, match="There is no run"):
        last_stage(RECIPE, split_of(), tmp_path / "none", True, None)
    frozen = tiny_nuclei_recipe(model={**RECIPE.model.model_dump(), "frozen": True})
    with pytest.raises(AlgorithmError, match="tiny freezes what weights bring, and there are none"):
        last_stage(frozen, split_of(), tmp_path / "new", False, None)
    with pytest.raises(AlgorithmError, match="averages keeps several networks"):
        tiny_nuclei_recipe(optimiser={"averages": [0.1, 0.2]})


def test_other_data_are_not_taken_for_the_runs_own(run: Path) -> None:
    other = Stages(RECIPE, split_fold(data_of_nuclei(), RECIPE, 1), run, None)
    with pytest.raises(AlgorithmError, match="started with other data or another fold"):
        other.crops()


def test_a_run_is_read_again_with_another_reading(run: Path) -> None:
    """Where one detection in 25 um stays, most figures are missed."""
    recipe = recipe_of_run(run, ["postprocess.merge_radius_um=25"])
    found = revalidate(run, recipe, data_of_nuclei(), keep=False)
    best = load_checkpoint(run / BEST)["best"]
    assert found["validation_loss"] == pytest.approx(best["validation_loss"], rel=1e-3)
    assert found["validation_recall"] < best["validation_recall"]


def test_networks_of_one_seed_begin_alike() -> None:
    first, second = (starting_network(RECIPE, None).state_dict() for _ in range(2))
    assert all(torch.equal(tensor, second[key]) for key, tensor in first.items())


def test_templates_need_a_second_domain_and_nothing_is_sought_without(tmp_path: Path) -> None:
    recipe = tiny_nuclei_recipe(sampling={"unsa": "template", "reach_um": 1.5}, folds_by="domain")
    split = split_fold(data_of_nuclei(), recipe, 0)
    with pytest.raises(AlgorithmError, match=r"sampling\.unsa=template shows crops in the colours of other domains"):
        Stages(recipe, split, tmp_path / "run", None).last()
    assert not (tmp_path / "run").exists()


def test_all_stages_see_the_stains_that_the_recipe_asks_for(tmp_path: Path) -> None:
    recipe = tiny_nuclei_recipe(stain_normalisation="macenko", sampling={"balance": "none", "reach_um": 1.5})
    split = split_of(recipe)
    crops = Stages(recipe, split, tmp_path, None).crops()
    region = split.training[0][0]
    expected = as_template(region, "macenko", recipe.seed).read(0, 0, 32, 32)
    np.testing.assert_array_equal(crops.regions[0].read(0, 0, 32, 32), expected)
    assert not np.array_equal(region.read(0, 0, 32, 32), expected)

"""Two processes against one: the same weights, one writer, and an end to both where one fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from algorithm.errors import AlgorithmError
from tests.training import gradients
from tests.training.drawing import drawn_data, tiny_recipe, tiny_tree, write_midogpp
from tests.training.interruption import interrupted_in_the_second_epoch
from training import distributed
from training.__main__ import main
from training.checkpoints import LAST, load_checkpoint
from training.fit import fit

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Of the command line, but the run's folder.

    Of five tiles drawn for a batch of four, one process gets three and the other two and one of these again; each then
    trains on two, in parts of one. The one negative that is kept of two decides for both. The learning rate is small
    because Adam, where a gradient is hardly more than rounding, makes of that rounding a good part of its step.
    """
    folder = tmp_path_factory.mktemp("words")
    tree = tiny_tree(sampling={"positive_fraction": 0.75, "negatives_drawn": 2})
    tree["model"]["drop_path"] = 0.0
    tree["optimiser"] |= {"accumulate": 2, "batches_per_epoch": 2, "learning_rate": 5e-5}
    (folder / "tiny.yaml").write_text(yaml.safe_dump(tree))
    figures, look_alikes = [(20, 24), (70, 52)], [(40, 60), (80, 20)]
    images = [
        {"name": f"{number:03}.tiff", "width": 96, "height": 80, "figures": figures, "look_alikes": look_alikes}
        for number in range(1, 5)
    ]
    return ["fit", str(folder / "tiny.yaml"), "--data", str(write_midogpp(folder / "drawn", images)), "--output"]


@pytest.fixture(scope="module")
def alone(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of one process."""
    run = tmp_path_factory.mktemp("alone") / "run"
    assert main([*words, str(run)]) == 0
    return run


def two_processes(*words: str) -> subprocess.CompletedProcess[str]:
    """`torchrun -m WORDS` on two processes of one thread each, without a GPU."""
    own = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", *words]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **own}, capture_output=True, text=True)


def assert_same_weights(run: Path, other: Path) -> None:
    found, expected = (load_checkpoint(folder / LAST) for folder in (run, other))
    assert found["epoch"] == expected["epoch"] == 2
    torch.testing.assert_close(found["model"], expected["model"], rtol=0, atol=1e-5)


def metrics_of(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_two_processes_are_one(words: list[str], alone: Path, tmp_path: Path) -> None:
    """The same weights and metrics, but for rounding; and one of them reads out, validates and writes.

    Losses differ by some 1e-8, in the order of their sums, and figures of detection not at all.
    """
    done = two_processes("training", *words, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert_same_weights(tmp_path, alone)
    found, expected = (metrics_of(run) for run in (tmp_path, alone))
    assert len(found) == len(expected) == 2
    for of_two, of_one in zip(found, expected, strict=True):
        assert {"training_loss", "validation_loss", "validation_f1", "threshold"} <= set(of_one)
        assert of_two == pytest.approx(of_one, rel=1e-5, abs=0)
    assert done.stdout.count("MIDOG++ layout, 4 regions") == 1
    assert len(list(tmp_path.glob("events.out.tfevents.*"))) == 1
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.slow
def test_the_gradient_of_two_processes_is_that_of_one(words: list[str], tmp_path: Path) -> None:
    """Of the first step, as it is before clipping and Adam, which make of half a gradient hardly another step."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    assert gradients.run(tmp_path / "one", [*words, str(tmp_path / "run of one")]) == 0
    done = two_processes("tests.training.gradients", str(tmp_path / "two"), *words, str(tmp_path / "run of two"))
    assert done.returncode == 0, done.stderr
    expected, first, second = (torch.load(tmp_path / file) for file in ("one/0.pt", "two/0.pt", "two/1.pt"))
    assert expected.norm() > 0.1
    assert (first - expected).norm() < 1e-4 * expected.norm()
    assert torch.equal(first, second)


@pytest.mark.slow
def test_no_process_ends_before_the_first_has_written(tmp_path: Path) -> None:
    done = two_processes("tests.training.ending", str(tmp_path / "written"))
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_two_processes_go_on_where_one_stopped(
    words: list[str], alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with interrupted_in_the_second_epoch(monkeypatch):
        main([*words, str(tmp_path)])
    done = two_processes("training", *words, str(tmp_path), "--resume")
    assert done.returncode == 0, done.stderr
    assert_same_weights(tmp_path, alone)


@pytest.mark.slow
def test_both_processes_end_where_the_first_finds_nothing_better(words: list[str], tmp_path: Path) -> None:
    """The second validates nothing, and would go on for all of nine epochs. The rate moves no figure."""
    patient = ["optimiser.patience=1", "optimiser.epochs=9", "optimiser.learning_rate=1e-9", "select_on=f1"]
    done = two_processes("training", *words, str(tmp_path), *patient)
    assert done.returncode == 0, done.stderr
    assert load_checkpoint(tmp_path / LAST)["epoch"] == 2
    assert done.stdout.count("no better epoch since 1") == 1


@pytest.mark.slow
@pytest.mark.parametrize(("rank", "method"), [(0, "validate"), (1, "_step")])
def test_where_one_fails_the_other_ends(words: list[str], tmp_path: Path, rank: int, method: str) -> None:
    """The other waits for the first to validate, or for the second's share of a batch; a day, if it were let."""
    done = two_processes("tests.training.failing", str(rank), method, *words, str(tmp_path))
    assert done.returncode != 0
    assert "error: This process fails. It was told to." in done.stderr
    assert not (tmp_path / LAST).exists()


@pytest.mark.parametrize("processes", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 6, 12])
def test_shares_are_equal_and_everything_is_in_one(monkeypatch: pytest.MonkeyPatch, processes: int, count: int) -> None:
    monkeypatch.setattr(distributed, "world_size", lambda: processes)
    shares = []
    for rank in range(processes):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        shares.append(distributed.share(count))
    in_turn = [thing for dealt in zip(*shares, strict=True) for thing in dealt]
    assert in_turn[:count] == list(range(count))
    assert len(in_turn) - count < processes


@pytest.mark.parametrize(("processes", "accumulate", "parts"), [(1, 3, 3), (3, 1, 3), (2, 4, 8)])
def test_a_batch_that_cannot_be_divided_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, processes: int, accumulate: int, parts: int
) -> None:
    monkeypatch.setattr(distributed, "world_size", lambda: processes)
    recipe = tiny_recipe(optimiser={"batch_size": 4, "accumulate": accumulate})
    with pytest.raises(AlgorithmError, match=f"A batch of 4 tiles cannot be cut into {parts} equal parts"):
        fit(recipe, drawn_data(), tmp_path / "run", fold=0, resume=False)
    assert not (tmp_path / "run").exists()


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "of a test")
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    named = r"more processes than GPUs, 2\. Give --nproc-per-node 2"
    with pytest.raises(AlgorithmError, match=named), distributed.processes():
        pass


def test_alone_nothing_is_exchanged() -> None:
    own = torch.rand(3, 2, requires_grad=True)
    with distributed.processes():
        assert (distributed.world_size(), distributed.rank()) == (1, 0)
        assert distributed.gather(own, 3) is own
        assert not torch.distributed.is_initialized()
        distributed.wait()


def test_one_that_the_others_wait_for_has_the_threads_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    with distributed.alone():
        assert torch.get_num_threads() == 3 * before
    assert torch.get_num_threads() == before

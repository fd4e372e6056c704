"""Runs on one core of the processor, so that they repeat bit by bit; a trained pair of runs and their bundle."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from algorithm.manifest import DataSource
from algorithm.size import Size
from tests.training.drawing import drawn_data, tiny_recipe
from training import export as exporting
from training.bundles.card import Card
from training.export import export
from training.fit import fit


@pytest.fixture(scope="session", autouse=True)
def one_core() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two finished runs of the tiny recipe: folds 0 and 1, seeds 0 and 1."""
    folder = tmp_path_factory.mktemp("runs")
    paths = [folder / "first", folder / "second"]
    for number, path in enumerate(paths):
        fit(tiny_recipe(seed=number), drawn_data(), path, fold=number, resume=False)
    return paths


@pytest.fixture(scope="session")
def card() -> Card:
    source = DataSource(name="drawn", licence="Apache-2.0", source="tests")
    return Card(name="tiny", version="1", datasets=(source,), intended_use="Tests.")


@pytest.fixture(scope="session")
def bundle(runs: list[Path], card: Card, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two runs as one bundle."""
    output = tmp_path_factory.mktemp("bundle") / "ensemble"
    export(runs, card, output)
    return output


@pytest.fixture
def kept_graphs(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[int]], None]:
    """Instead of tracing networks, which takes seconds, copy members of the finished bundle, in this order."""

    def keep(members: list[int]) -> None:
        coming = iter(members)

        def copy(_model: nn.Module, _size: Size, path: Path, _output_names: tuple[str, ...], _free: None) -> None:
            shutil.copy(bundle / f"member_{next(coming)}.onnx", path)

        monkeypatch.setattr(exporting, "write_onnx", copy)

    return keep

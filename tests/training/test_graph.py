"""Weights of 16 bits in graphs: what is rounded, and how little that moves."""

import logging
import shutil
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from algorithm.size import Size
from tests.training.drawing import tiny_recipe
from training.graph import round_weights, write_onnx
from training.models.build import build_model


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    return build_model(tiny_recipe().model).eval()


@pytest.fixture(scope="module")
def graph(model: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graph") / "whole.onnx"
    write_onnx(model, Size(64, 32), path)
    return path


@pytest.fixture(scope="module")
def rounded(graph: Path) -> Path:
    path = graph.with_name("rounded.onnx")
    shutil.copy(graph, path)
    round_weights(path)
    return path


def test_the_exporter_says_nothing(model: nn.Module, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_onnx(model, Size(64, 32), tmp_path / "graph.onnx")
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_kernels_and_matrices_are_stored_in_16_bits_and_nothing_else(graph: Path, rounded: Path) -> None:
    onnx.checker.check_model(onnx.load(rounded), full_check=True)
    whole, half = stored(graph), stored(rounded)
    matrices = {
        f"{name}_half": values for name, values in whole.items() if values.dtype == np.float32 and values.ndim > 1
    }
    assert {name for name, values in half.items() if values.dtype == np.float16} == set(matrices)
    for name, values in matrices.items():
        assert half[name] == pytest.approx(values, rel=2**-11, abs=2**-24)
    for name in half.keys() - matrices.keys():
        assert np.array_equal(half[name], whole[name])
    assert rounded.stat().st_size < graph.stat().st_size


def test_a_rounded_graph_says_nearly_what_the_network_says(model: nn.Module, rounded: Path) -> None:
    images = torch.randn(3, 3, 32, 64)
    session = onnxruntime.InferenceSession(rounded, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"image": images.numpy()})
    with torch.inference_mode():
        assert 1e-6 < np.abs(found - model(images).numpy()).max() <= 0.05


def stored(graph: Path) -> dict[str, np.ndarray]:
    """The numbers in a graph by name."""
    return {values.name: onnx.numpy_helper.to_array(values) for values in onnx.load(graph).graph.initializer}

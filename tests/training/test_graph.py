"""Weights of 16 bits in graphs: what is rounded, what is stored, and that graphs say what their networks say."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from tests.training.drawing import tiny_recipe
from training.graph import round_weights, write_onnx
from training.models.build import build_model


@pytest.fixture(scope="module")
def rounded() -> nn.Module:
    torch.manual_seed(0)
    model = build_model(tiny_recipe().model).eval()
    round_weights(model)
    return model


@pytest.fixture(scope="module")
def graph(rounded: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graph") / "rounded.onnx"
    write_onnx(rounded, 32, path)
    return path


def test_kernels_and_matrices_are_rounded_and_nothing_else() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    values = 1 + torch.tensor([2.0**-10, 2.0**-12])  # 16 bits hold the first alone
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(values.expand_as(parameter))
    round_weights(model)
    assert torch.equal(model[0].weight, torch.tensor([1 + 2.0**-10, 1.0]).expand(2, 2))
    for vector in (model[0].bias, model[1].weight, model[1].bias):
        assert torch.equal(vector, values)


def test_rounded_weights_are_stored_in_16_bits(rounded: nn.Module, graph: Path) -> None:
    onnx.checker.check_model(onnx.load(graph), full_check=True)
    sizes = stored(graph)
    assert sizes["float16"] >= 0.95 * sum(weight.numel() for weight in rounded.parameters() if weight.ndim > 1)
    assert sizes["float32"] <= sum(value.numel() for value in rounded.state_dict().values() if value.ndim < 2)


def test_other_weights_keep_their_32_bits(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Conv2d(3, 1, 3, padding=1)
    write_onnx(model, 32, tmp_path / "graph.onnx")
    assert set(stored(tmp_path / "graph.onnx")) <= {"float32", "int64"}


def test_a_graph_of_rounded_weights_says_what_the_network_says(rounded: nn.Module, graph: Path) -> None:
    images = torch.randn(3, 3, 32, 32)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"image": images.numpy()})
    with torch.inference_mode():
        assert np.abs(found - rounded(images).numpy()).max() <= 1e-4


def stored(graph: Path) -> Counter[str]:
    """Numbers in a graph by their type."""
    sizes: Counter[str] = Counter()
    for values in map(onnx.numpy_helper.to_array, onnx.load(graph).graph.initializer):
        sizes[str(values.dtype)] += values.size
    return sizes

"""Networks as ONNX graphs, and weights of 16 bits in them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn

from algorithm.runtime import INPUT_NAME

OPSET = 18
WeightType = Literal["float32", "float16"]


def write_onnx(model: nn.Module, tile_px: int, path: Path, output_names: Sequence[str] = ("logits",)) -> None:
    """The network as an ONNX graph: `image` (batch, 3, tile_px, tile_px) to its outputs, with a free batch."""
    batch = torch.export.Dim("batch", min=1, max=1024)
    example = torch.zeros(2, 3, tile_px, tile_px)
    program = torch.onnx.export(
        model.eval(),
        (example,),
        dynamo=True,
        input_names=[INPUT_NAME],
        output_names=list(output_names),
        dynamic_shapes=({0: batch},),
        opset_version=OPSET,
        verbose=False,
    )
    assert program is not None
    graph = program.model_proto
    _remove_notes(graph)
    onnx.save(graph, path)


def round_weights(path: Path) -> None:
    """Round a graph's kernels and matrices to 16 bits and store them so; it still computes in 32.

    Biases, norms and running statistics are few and stay as they are.
    """
    model = onnx.load(path)
    casts = []
    for stored in model.graph.initializer:
        values, name = numpy_helper.to_array(stored), stored.name
        if values.dtype == np.float32 and values.ndim > 1:
            stored.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
            casts.append(helper.make_node("Cast", [stored.name], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path)


def _remove_notes(model: onnx.ModelProto) -> None:
    """Drop the exporter's names of nodes and notes on where in the code each comes from: half of a small file."""
    del model.graph.value_info[:]
    for part in (*model.graph.node, *model.graph.initializer, *model.graph.input, *model.graph.output, model.graph):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    for node in model.graph.node:
        node.ClearField("name")

"""Networks as ONNX graphs, and weights of 16 bits in them."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn

from algorithm.runtime import INPUT_NAME
from algorithm.size import Size

OPSET = 18
WeightType = Literal["float32", "float16"]


def write_onnx(
    model: nn.Module,
    size: Size,
    path: Path,
    output_names: Sequence[str] = ("logits",),
    free_step_px: int | None = None,
) -> None:
    """The network as an ONNX graph: `image` (batch, 3, height, width) to its outputs, with a free batch.

    With free_step_px the sides are free too: any multiples of it, whatever the size.
    """
    free: dict[int, Any] = {0: torch.export.Dim("batch", min=1, max=1024)}
    if free_step_px is not None:
        size = Size(3 * free_step_px, 2 * free_step_px)  # a side of one step would be taken for a constant
        free |= {axis: free_step_px * torch.export.Dim(name) for axis, name in ((2, "rows"), (3, "columns"))}
    example = torch.zeros(2, 3, size.height, size.width)
    with _quiet():
        program = torch.onnx.export(
            model.eval(),
            (example,),
            dynamo=True,
            input_names=[INPUT_NAME],
            output_names=list(output_names),
            dynamic_shapes=(free,),
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


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's lines on packages it could use and operations it leaves as they are: they say no error."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _remove_notes(model: onnx.ModelProto) -> None:
    """Drop the exporter's names of nodes and notes on where in the code each comes from: half of a small file."""
    del model.graph.value_info[:]
    for part in (*model.graph.node, *model.graph.initializer, *model.graph.input, *model.graph.output, model.graph):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    for node in model.graph.node:
        node.ClearField("name")

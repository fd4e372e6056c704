"""A bundle that finds boxes about dark blue pixels, made of ONNX nodes alone."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from algorithm.size import Size
from tests.tiny_bundle import DARK, GAIN, MEAN, STD, size_of, tiny_manifest, write_manifest

STRIDES = (4, 8)
SIDE_PX = 16.0


def write_tiny_boxes(folder: Path, members: int = 1, tile_px: int | tuple[int, int] = 64, **postprocess: Any) -> Path:
    """Write a bundle of `members` slightly different networks; further keywords replace settings of postprocess."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = tiny_boxes_manifest(tile_px, **postprocess)
    for number in range(members):
        file = folder / f"member_{number}.onnx"
        onnx.save(tiny_boxes_graph(size_of(manifest), DARK - 0.01 * number), file)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        manifest["members"].append({"files": {"any": {"file": file.name, "sha256": digest}}, "held_out": number})
    write_manifest(folder, manifest)
    return folder


def tiny_boxes_manifest(tile_px: int | tuple[int, int] = 64, **postprocess: Any) -> dict[str, Any]:
    """A manifest without members."""
    manifest = tiny_manifest(tile_px)
    manifest["detector"] = "boxes"
    manifest["output"] = {"name": "boxes", "strides": list(STRIDES)}
    manifest["postprocess"] = {"threshold": 0.5, "lower_threshold": 0.1, "merge_radius_um": 2.0, **postprocess}
    return manifest


def tiny_boxes_graph(size: Size, darkness: float = DARK, rows: int = 6) -> onnx.ModelProto:
    """A box of SIDE_PX about the middle of each cell of a level, with the logit GAIN * (darkness - its mean red)."""
    nodes, tensors, boxes, logits = [], [], [], []
    for stride in STRIDES:
        weight = np.zeros((rows - 4, 3, stride, stride), np.float32)
        weight[0, 0] = -GAIN * STD / stride**2
        bias = np.full(rows - 4, GAIN * (darkness - MEAN), np.float32)
        tensors += [numpy_helper.from_array(weight, f"w{stride}"), numpy_helper.from_array(bias, f"b{stride}")]
        cells = f"cells{stride}"
        nodes += [
            helper.make_node("Conv", ["image", f"w{stride}", f"b{stride}"], [cells], strides=[stride, stride]),
            helper.make_node("Reshape", [cells, "rows"], [f"flat{stride}"]),
        ]
        logits.append(f"flat{stride}")
        middles = (np.arange(side // stride) * stride + (stride - 1) / 2 for side in size)
        x, y = (axis.ravel() for axis in np.meshgrid(*middles))
        half = SIDE_PX / 2
        boxes.append(np.stack((x - half, y - half, x + half, y + half)))
    known = np.concatenate(boxes, axis=1)[None].astype(np.float32)
    tensors += [
        numpy_helper.from_array(known, "known"),
        numpy_helper.from_array(np.array([0, rows - 4, -1]), "rows"),
        numpy_helper.from_array(np.array([0.0], np.float32), "zero"),
    ]
    nodes += [
        helper.make_node("Concat", logits, ["logits"], axis=2),
        helper.make_node("ReduceMean", ["logits"], ["mean"], axes=[1, 2], keepdims=1),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["known", "nothing"], ["each"]),  # the known boxes, once for each tile of the batch
        helper.make_node("Concat", ["each", "logits"], ["boxes"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, size.height, size.width])],
        [helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["batch", rows, known.shape[2]])],
        tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)

"""A bundle that judges crops by their darkest part, made of ONNX nodes alone."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.tiny_bundle import DARK, GAIN, MEAN, STD, tiny_manifest, write_manifest

STRIDE = 4


def write_tiny_nuclei(folder: Path, members: int = 1, patch_px: int = 80, **postprocess: Any) -> Path:
    """Write a bundle of `members` slightly different networks; further keywords replace settings of postprocess."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = tiny_nuclei_manifest(patch_px, **postprocess)
    for number in range(members):
        file = folder / f"member_{number}.onnx"
        onnx.save(tiny_nuclei_graph(patch_px, DARK - 0.01 * number), file)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        manifest["members"].append({"files": {"any": {"file": file.name, "sha256": digest}}, "held_out": number})
    write_manifest(folder, manifest)
    return folder


def tiny_nuclei_manifest(patch_px: int = 80, **postprocess: Any) -> dict[str, Any]:
    """A manifest without members."""
    manifest = tiny_manifest()
    del manifest["input"]["tile_px"], manifest["input"]["overlap"]
    manifest["detector"] = "nuclei"
    manifest["output"] = {"probability": "probability", "activation": "activation", "stride": STRIDE}
    manifest["candidates"] = {"stain_model": "ruifrok"}
    manifest["input"]["patch_px"] = patch_px
    manifest["postprocess"] = {"threshold": 0.5, "lower_threshold": 0.1, **postprocess}
    return manifest


def tiny_nuclei_graph(
    patch_px: int = 80, darkness: float = DARK, outputs: tuple[str, ...] = ("probability", "activation")
) -> onnx.ModelProto:
    """GAIN * (darkness - mean red) of every STRIDE x STRIDE px: the most of them a logit, those above 0 the map."""
    weight = np.zeros((1, 3, STRIDE, STRIDE), np.float32)
    weight[0, 0] = -GAIN * STD / STRIDE**2
    side = patch_px // STRIDE
    tensors = [
        numpy_helper.from_array(weight, "weight"),
        numpy_helper.from_array(np.array([GAIN * (darkness - MEAN)], np.float32), "bias"),
        numpy_helper.from_array(np.array([1]), "channel"),
    ]
    nodes = [
        helper.make_node("Conv", ["image", "weight", "bias"], ["cells"], strides=[STRIDE, STRIDE]),
        helper.make_node("ReduceMax", ["cells"], ["logit"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
        helper.make_node("Squeeze", ["cells", "channel"], ["map"]),
        helper.make_node("Relu", ["map"], ["activation"]),
    ]
    shapes = {"probability": ["batch"], "activation": ["batch", side, side], "logit": ["batch"]}
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, patch_px, patch_px])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in outputs],
        tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)

"""A bundle that detects dark blue pixels, made of ONNX nodes alone: for every test that needs a model."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from algorithm.size import Size

KERNEL = 5
MEAN, STD = 0.85, 0.25  # the zeros that pad a tile stand for a pale pixel
DARK = 0.45  # the red share at which the probability is one half
GAIN = 30.0


def write_tiny_bundle(folder: Path, members: int = 1, **changes: Any) -> Path:
    """Write a bundle of `members` slightly different networks; `changes` as in `tiny_manifest`."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = tiny_manifest(**changes)
    for number in range(members):
        file = folder / f"member_{number}.onnx"
        onnx.save(tiny_graph(size_of(manifest), darkness=DARK - 0.01 * number), file)
        manifest["members"].append(
            {
                "files": {"any": {"file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}},
                "held_out": number,
            }
        )
    write_manifest(folder, manifest)
    return folder


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write manifest.json as it is given, right or wrong."""
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2))


def size_of(manifest: dict[str, Any]) -> Size:
    """Of its tiles."""
    tile_px = manifest["input"]["tile_px"]
    return Size.square(tile_px) if isinstance(tile_px, int) else Size(*tile_px)


def take_along(folder: Path, second: Path) -> Path:
    """Put a copy of another bundle into one, as its second stage."""
    inner = shutil.copytree(second, folder / "second_stage")
    manifest = json.loads((folder / "manifest.json").read_text())
    digest = hashlib.sha256((inner / "manifest.json").read_bytes()).hexdigest()
    write_manifest(folder, {**manifest, "second_stage": {"folder": inner.name, "sha256": digest}})
    return folder


def tiny_manifest(
    tile_px: int | tuple[int, int] = 64, resolution_um_px: float = 0.25, overlap: float = 0.5, **postprocess: Any
) -> dict[str, Any]:
    """A manifest without members; further keywords replace settings of postprocess."""
    return {
        "schema_version": 1,
        "name": "tiny",
        "version": "1",
        "task": "detection",
        "detector": "segmentation",
        "members": [],
        "input": {
            "tile_px": tile_px,
            "resolution_um_px": resolution_um_px,
            "overlap": overlap,
            "channel_order": "RGB",
            "scale": 1 / 255,
            "mean": [MEAN] * 3,
            "std": [STD] * 3,
        },
        "output": {"name": "logits", "stride": 1, "classes": ["mitotic figure"], "activation": "sigmoid"},
        "postprocess": {
            "threshold": 0.5,
            "lower_threshold": 0.1,
            "dilation_radius_um": 1.0,
            "minimum_area_um2": 1.875,
            "centre": "rectangle",
            "blending": "uniform",
            "fusion": "mean",
            **postprocess,
        },
        "provenance": {
            "recipe": "none",
            "datasets": [{"name": "none", "licence": "Apache-2.0", "source": "drawn"}],
            "parity": {},
            "code_revision": "none",
            "tools": {},
            "date": "2026-01-01",
        },
        "intended_use": "Tests.",
    }


def tiny_graph(
    size: Size,
    darkness: float = DARK,
    batch: int | str = "batch",
    input_name: str = "image",
    output_name: str = "logits",
    classes: int = 1,
) -> onnx.ModelProto:
    """logits = GAIN * (darkness - mean red of the KERNEL x KERNEL pixels around), red in 0 to 1."""
    weight = np.zeros((classes, 3, KERNEL, KERNEL), np.float32)
    weight[:, 0] = -GAIN * STD / KERNEL**2
    bias = np.full(classes, GAIN * (darkness - MEAN), np.float32)
    nodes = [helper.make_node("Conv", [input_name, "weight", "bias"], [output_name], pads=[KERNEL // 2] * 4)]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(input_name, TensorProto.FLOAT, [batch, 3, size.height, size.width])],
        [helper.make_tensor_value_info(output_name, TensorProto.FLOAT, [batch, classes, size.height, size.width])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(bias, "bias")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)

"""A bundle that calls figures with a dark middle atypical, made of ONNX nodes alone: for every test that types."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.tiny_bundle import MEAN, STD, tiny_manifest, write_manifest

PALE, DARK = (225, 165, 200), (40, 30, 90)
MIDDLE = 0.5  # of the side of a patch: what the network looks at
RED = 0.5  # the red share of the middle at which the first member's probability is one half
STEP = 0.2  # every further member asks for a middle that is darker by this
GAIN = 8.0


def write_tiny_classifier(folder: Path, members: int = 1, **changes: Any) -> Path:
    """Write a bundle of `members` networks; `changes` as in `classification_manifest`."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = classification_manifest(**changes)
    for number in range(members):
        file = folder / f"member_{number}.onnx"
        onnx.save(classification_graph(manifest["input"]["patch_px"], red=RED - STEP * number), file)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        manifest["members"].append({"files": {"any": {"file": file.name, "sha256": digest}}, "held_out": number})
    write_manifest(folder, manifest)
    return folder


def classification_manifest(patch_px: int = 64, resolution_um_px: float = 0.25, **postprocess: Any) -> dict[str, Any]:
    """A manifest without members; further keywords replace settings of postprocess."""
    detection = tiny_manifest()
    shared = ("schema_version", "version", "members", "provenance", "intended_use")
    normalisation = ("channel_order", "scale", "mean", "std")
    return {
        **{key: detection[key] for key in shared},
        "name": "tiny classifier",
        "task": "classification",
        "input": {
            "patch_px": patch_px,
            "resolution_um_px": resolution_um_px,
            **{key: detection["input"][key] for key in normalisation},
        },
        "output": {"name": "logits", "classes": ["atypical"], "activation": "sigmoid"},
        "postprocess": {"threshold": 0.5, "temperature": 1.0, "vote": "majority", "rotations": 1, **postprocess},
    }


def classification_graph(
    patch_px: int, red: float = RED, batch: int | str = "batch", output_name: str = "logits", classes: int = 1
) -> onnx.ModelProto:
    """logits = GAIN * (red - mean red of the middle), red in 0 to 1, a little more for what lies above the centre."""
    weight = middle_weights(patch_px) * (-GAIN * STD)
    nodes = [
        helper.make_node("Flatten", ["image"], ["pixels"]),
        helper.make_node("Gemm", ["pixels", "weight", "bias"], [output_name]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny classifier",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, patch_px, patch_px])],
        [helper.make_tensor_value_info(output_name, TensorProto.FLOAT, [batch, classes])],
        [
            numpy_helper.from_array(np.tile(weight.reshape(-1, 1), classes).astype(np.float32), "weight"),
            numpy_helper.from_array(np.full(classes, GAIN * (red - MEAN), np.float32), "bias"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def middle_weights(patch_px: int) -> NDArray[np.float64]:
    """(3, P, P), sum 1: of the red of the middle, the upper half three times the lower one."""
    weights = np.zeros((3, patch_px, patch_px))
    first, last = round(patch_px * (0.5 - MIDDLE / 2)), round(patch_px * (0.5 + MIDDLE / 2))
    weights[0, first:last, first:last] = 1.0
    weights[0, : patch_px // 2] *= 3.0
    return weights / weights.sum()


def expected_probabilities(patches: NDArray[np.uint8], members: int) -> NDArray[np.float64]:
    """(N, M): what the networks of `write_tiny_classifier` give for patches (N, P, P, 3)."""
    red = np.tensordot(patches / 255, np.moveaxis(middle_weights(patches.shape[1]), 0, -1), 3)
    return 1 / (1 + np.exp(-GAIN * (RED - STEP * np.arange(members) - red[:, None])))


def figure(side: int = 128, radius: float = 20.0, colour: tuple[int, int, int] = DARK) -> NDArray[np.uint8]:
    """(side, side, 3): a disk in the middle of pale tissue."""
    pixels = np.full((side, side, 3), PALE, np.uint8)
    rows, columns = np.mgrid[:side, :side] - (side - 1) / 2
    pixels[rows**2 + columns**2 <= radius**2] = colour
    return pixels


def figures(count: int, side: int = 128) -> NDArray[np.uint8]:
    """(count, side, side, 3): disks of every size from a point to the whole patch, in an order that is not theirs."""
    radii = np.random.default_rng(count).permutation(np.linspace(0, 0.7 * side, count))
    return np.stack([figure(side, radius) for radius in radii])

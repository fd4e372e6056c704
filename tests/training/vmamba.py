"""Checkpoints laid out as VMamba v0-Small's, of any width; without memory on the meta device."""

from collections.abc import Sequence
from math import ceil

import torch
from torch import Tensor

SMALL = (2, 2, 27, 2)
LATER = {
    "patch_embed.proj": "patch_embed.0",
    "patch_embed.norm": "patch_embed.2",
    "ln_1": "norm",
    "self_attention": "op",
    "downsample.norm": "downsample.1",
    "downsample.reduction": "downsample.2",
    "x_proj_weight": "x_proj.weight",
    "dt_projs_weight": "dt_projs.weight",
}


def vmamba(width: int = 8, depths: Sequence[int] = SMALL, state: int = 2, device: str = "cpu") -> dict[str, Tensor]:
    """Every tensor holds its own number, a small one, so that it is known wherever it goes and can be trained from."""
    shapes: dict[str, tuple[int, ...]] = {"patch_embed.proj.weight": (width, 3, 4, 4)}
    shapes |= {f"patch_embed.{name}": (width,) for name in ("proj.bias", "norm.weight", "norm.bias")}
    for stage, depth in enumerate(depths):
        channels = width * 2**stage
        for block in range(depth):
            for name, shape in block_shapes(channels, state).items():
                shapes[f"layers.{stage}.blocks.{block}.{name}"] = shape
        if stage < 3:
            shapes[f"layers.{stage}.downsample.reduction.weight"] = (2 * channels, 4 * channels)
            shapes |= {f"layers.{stage}.downsample.norm.{name}": (4 * channels,) for name in ("weight", "bias")}
    shapes |= {f"norm.{name}": (8 * width,) for name in ("weight", "bias")}
    shapes |= {"head.weight": (1000, 8 * width), "head.bias": (1000,)}
    numbered = enumerate(shapes.items(), 1)
    return {key: torch.full(shape, number / 1000, device=device) for number, (key, shape) in numbered}


def block_shapes(channels: int, state: int) -> dict[str, tuple[int, ...]]:
    """Of one block: R is the rank of the time step, D the inner width."""
    inner, rank = 2 * channels, ceil(channels / 16)
    attention = {
        "x_proj_weight": (4, rank + 2 * state, inner),
        "dt_projs_weight": (4, inner, rank),
        "dt_projs_bias": (4, inner),
        "A_logs": (4 * inner, state),
        "Ds": (4 * inner,),
        "in_proj.weight": (2 * inner, channels),
        "conv2d.weight": (inner, 1, 3, 3),
        "conv2d.bias": (inner,),
        "out_norm.weight": (inner,),
        "out_norm.bias": (inner,),
        "out_proj.weight": (channels, inner),
    }
    norms = {"ln_1.weight": (channels,), "ln_1.bias": (channels,)}
    return norms | {f"self_attention.{name}": shape for name, shape in attention.items()}


def later_spelling(checkpoint: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under the keys of the later code base."""
    spelt = {}
    for key, tensor in checkpoint.items():
        name = f"classifier.{key}" if key.startswith(("norm.", "head.")) else key
        for first, later in LATER.items():
            name = name.replace(first, later)
        spelt[name] = tensor
    return spelt

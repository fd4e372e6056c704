"""VMamba's ImageNet weights for VM-UNet: the encoder's blocks go into the encoder and, mirrored, into the decoder.

Source: Ruan, Li and Xiang, "VM-UNet", 2024, section 4.2, and its public code; the file is VMamba v0-Small's
(vssmsmall_dp03_ckpt_epoch_238.pth). Its keys have two spellings: the first code's, which is this project's too, and the
later one's.
"""

import re
from collections.abc import Mapping

import torch
from torch import Size, Tensor

from algorithm.errors import InputError
from training.weights.files import Imported, require_shape

PREFIX = re.compile(r"^((module|vmunet|backbone)\.)+")
SPELLINGS = (
    (r"^patch_embed\.0\.", "patch_embed.proj."),
    (r"^patch_embed\.2\.", "patch_embed.norm."),
    (r"(\.blocks\.\d+)\.norm\.", r"\1.ln_1."),
    (r"(\.blocks\.\d+)\.op\.", r"\1.self_attention."),
    (r"\.(x_proj|dt_projs)\.(weight|bias)$", r".\1_\2"),
    (r"\.downsample\.1\.", ".downsample.norm."),
    (r"\.downsample\.2\.", ".downsample.reduction."),
    (r"^classifier\.", ""),
)
PARTS = (
    *("ln_1.weight", "ln_1.bias", "self_attention.x_proj_weight", "self_attention.dt_projs_weight"),
    *("self_attention.dt_projs_bias", "self_attention.A_logs", "self_attention.Ds", "self_attention.in_proj.weight"),
    *("self_attention.conv2d.weight", "self_attention.conv2d.bias", "self_attention.out_norm.weight"),
    *("self_attention.out_norm.bias", "self_attention.out_proj.weight"),
)
"""The tensors of a block."""
LAYOUT = re.compile(
    r"patch_embed\.(proj|norm)\.(weight|bias)"
    r"|layers(_up)?\.\d+\.blocks\.\d+\.(" + "|".join(map(re.escape, PARTS)) + ")"
    r"|layers\.\d+\.downsample\.(reduction\.weight|norm\.(weight|bias))"
    r"|layers_up\.\d+\.upsample\.(expand\.weight|norm\.(weight|bias))"
    r"|final_up\.(expand\.weight|norm\.(weight|bias))|final_conv\.(weight|bias)"
    r"|(norm|head)\.(weight|bias)"
)
RESHAPED = ("x_proj_weight", "dt_projs_weight", "dt_projs_bias")
SECOND_VERSION = (".mlp.", ".norm2.")
FIX = "Take VMamba v0-Small's, vssmsmall_dp03_ckpt_epoch_238.pth, or the same as VM-UNet's authors hand it out."


def import_vmamba(source: Mapping[str, Tensor], shapes: Mapping[str, Size], where: str) -> Imported:
    """The source's tensors under the network's keys, float32; shapes are the network's, `where` is named in errors.

    A decoder's block takes the encoder's of the same width, unless the source has a decoder. Blocks beyond the source's
    depths, the ways up and the last layers are left out. Raises InputError for another layout, naming the key that
    shows it, and for tensors that are missing or of another shape.
    """
    spelt = _in_one_spelling(source, where)
    missing = next((key for key in shapes if _is_needed(key, spelt) and key not in spelt), None)
    if missing is not None:
        raise InputError(f"{where} has no {missing}, so it holds no whole VMamba v0.", FIX)
    taken = {key: origin for key in shapes if (origin := _origin(key, spelt)) is not None}
    tensors = {key: _fitting(key, spelt[origin], shapes[key], where) for key, origin in taken.items()}
    return Imported(tensors, sorted(spelt.keys() - set(taken.values())))


def _in_one_spelling(source: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
    spelt: dict[str, Tensor] = {}
    for own, tensor in source.items():
        key = PREFIX.sub("", own)
        if any(part in key for part in SECOND_VERSION):
            raise InputError(f"{where} is VMamba's second version: it has {own}, and v0 has no MLP.", FIX)
        for pattern, name in SPELLINGS:
            key = re.sub(pattern, name, key)
        if not LAYOUT.fullmatch(key):
            raise InputError(f"{where} is not laid out as VMamba v0: it has {own}.", FIX)
        if key in spelt:
            raise InputError(f"{where} has {key} twice, in two spellings.", FIX)
        spelt[key] = tensor
    return spelt


def _is_needed(key: str, spelt: Mapping[str, Tensor]) -> bool:
    """All of the encoder is, but the blocks by which the network is deeper than the source."""
    block = re.match(r"layers\.\d+\.blocks\.(\d+)\.", key)
    deeper = block is not None and int(block[1]) > 0 and not any(own.startswith(block[0]) for own in spelt)
    return key.startswith(("patch_embed.", "layers.")) and not deeper


def _origin(key: str, spelt: Mapping[str, Tensor]) -> str | None:
    """Which of the source's keys the network's key takes, None where it keeps its own initial values."""
    if key in spelt:
        return key
    stage = re.match(r"layers_up\.(\d)\.(blocks\..*)", key)
    mirrored = f"layers.{3 - int(stage[1])}.{stage[2]}" if stage else key
    return mirrored if mirrored in spelt else None


def _fitting(key: str, tensor: Tensor, shape: Size, where: str) -> Tensor:
    if key.endswith(RESHAPED) and tensor.numel() == shape.numel():
        tensor = tensor.reshape(shape)
    require_shape(key, tensor.shape, shape, where, f"{FIX} Its width is 96, its state 16.")
    return tensor.to(torch.float32, copy=True).contiguous()  # a copy: the decoder shares none with the encoder

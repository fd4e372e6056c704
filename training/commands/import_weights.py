"""`import-weights RECIPE FILE --output CKPT`: published weights as a start for a recipe's network."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from algorithm.commands.console import say
from algorithm.errors import AlgorithmError
from training.commands.arguments import Commands, add_overrides, add_recipe
from training.digest import digest

if TYPE_CHECKING:
    from torch import Size, Tensor

    from training.model_settings import ModelSettings
    from training.weights.files import Imported

FILES = (
    "of VMamba v0-Small, HoVer-Net's or timm's pre-activated ResNet-50, EfficientNet-Lite, mmdetection's RTMDet, "
    "MXNet's or psa's ResNet38, MitDet's own code, or safetensors"
)


def add_to(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("import-weights", help="published weights as a start for a recipe's network")
    add_recipe(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help=FILES)
    add_overrides(parser, "settings of the network, as model.depths=[2, 2, 9, 2]")
    parser.add_argument("--output", type=Path, required=True, metavar="CKPT", help="a safetensors file, new")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write what the network takes of the file, and say how much that is."""
    from training.recipe import load_recipe
    from training.weights.files import network_shapes, read_foreign, write_weights

    model = load_recipe(arguments.recipe, arguments.overrides).model
    _require_importer(model)
    source, shapes = read_foreign(arguments.file), network_shapes(model)
    found = _imported(source, shapes, model, str(arguments.file))
    write_weights(arguments.output, found.tensors, {"source": arguments.file.name, "sha256": digest(arguments.file)})
    say(f"{arguments.file}: {len(source)} tensors, {len(found.unused)} of them of no use here")
    say(
        f"{arguments.output}: {len(found.tensors)} of the network's {len(shapes)} tensors "
        f"({_parts(found, model)}); the others start at random"
    )
    return 0


def _parts(found: "Imported", model: "ModelSettings") -> str:
    """What of the network there are weights for, in words."""
    if model.name == "vm_unet":
        encoder, decoder = found.count("patch_embed.", "layers."), found.count("layers_up.", "final_")
        return f"{encoder} of the encoder, {decoder} of the decoder"
    if model.name == "rtmdet":
        parts = {"backbone": "backbone.", "neck": "neck.", "head": "bbox_head."}
        return ", ".join(f"{found.count(start)} of the {part}" for part, start in parts.items())
    if model.name == "mitdet":
        return f"{found.count('trunk.')} of the trunk, {found.count('parent_head.', 'child_head.')} of the heads"
    return "the whole encoder"


def _require_importer(model: "ModelSettings") -> None:
    lite = "tf_efficientnet_lite"
    if model.name == "multitask" and model.encoder.name == "timm" and not model.encoder.model.startswith(lite):
        raise AlgorithmError(
            f"timm's encoders fetch their own weights, all but {lite}0 to {lite}4.",
            "Set model.encoder.pretrained=true.",
        )
    if model.name in ("unet", "restainer"):
        raise AlgorithmError(
            f"There are no weights to import for {model.name}.",
            "Give a recipe of vm_unet, multitask, rtmdet or mitdet.",
        )


def _imported(
    source: "Mapping[str, Tensor]", shapes: "Mapping[str, Size]", model: "ModelSettings", where: str
) -> "Imported":
    from training.weights.efficientnet_lite import import_efficientnet_lite
    from training.weights.preact_resnet import import_preact_resnet
    from training.weights.resnet38 import import_resnet38
    from training.weights.rtmdet import import_rtmdet
    from training.weights.vmamba import import_vmamba

    if model.name == "rtmdet":
        return import_rtmdet(source, shapes, where)
    if model.name == "mitdet":
        return import_resnet38(source, shapes, where)
    if model.name == "multitask" and model.encoder.name == "preact_resnet":
        return import_preact_resnet(source, shapes, model.encoder.padding, where)
    if model.name == "multitask":
        return import_efficientnet_lite(source, shapes, where)
    return import_vmamba(source, shapes, where)

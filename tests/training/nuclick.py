"""Checkpoints laid out as NuClick's public one, of its full size; all but a few layers are one number in the file."""

import torch
from torch import Tensor

from training.models.nuclick import NuClick

DARKER_THAN = 1.5
"""Of R + G + B, each 0 to 1."""


def nuclick_shapes() -> dict[str, torch.Size]:
    """The keys and shapes of the full network, counters of batches included."""
    with torch.device("meta"):
        return {key: tensor.shape for key, tensor in NuClick().state_dict().items()}


def dark_pixels_checkpoint() -> dict[str, Tensor]:
    """Weights with which the network finds exactly the dark pixels: one channel goes through, by the last skip.

    At the click of the exclusion map, and there alone, a dark pixel is not found.
    """
    tensors = {key: torch.zeros(()).expand(shape) for key, shape in nuclick_shapes().items()}
    tensors |= {key: torch.ones(()).expand(tensors[key].shape) for key in tensors if key.endswith("running_var")}
    tensors |= {key: torch.ones(()).expand(tensors[key].shape) for key in tensors if key.endswith("1.weight")}
    first = torch.zeros(64, 5, 7, 7)
    first[0, :, 3, 3] = torch.tensor([-1.0, -1.0, -1.0, 0.0, -9.0])
    bias = torch.zeros(64)
    bias[0] = DARKER_THAN
    tensors |= {"conv_block_1.0.conv_bn_relu.0.weight": first, "conv_block_1.0.conv_bn_relu.1.bias": bias}
    for key, channel in (("1.1", 0), ("1.2", 0), ("2.0", 32), ("2.1", 0), ("2.2", 0)):
        name = f"conv_block_{key}.conv_bn_relu.0.weight"
        tensors[name] = torch.zeros(tensors[name].shape)
        middle = tensors[name].shape[-1] // 2
        tensors[name][0, channel, middle, middle] = 1
    last = torch.zeros(1, 32, 1, 1)
    last[0, 0] = 1
    return tensors | {
        "conv_block_3.conv_bn_relu.0.weight": last,
        "conv_block_3.conv_bn_relu.0.bias": torch.tensor([-1e-3]),
    }

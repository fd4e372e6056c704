"""From a recipe's model settings to the network."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from training.models.unet import UNet
from training.models.vm_unet import VMUNet
from training.recipe import ModelSettings

NETWORKS: dict[str, type[nn.Module]] = {"unet": UNet, "vm_unet": VMUNet}


def build_model(settings: ModelSettings, trained: Mapping[str, Tensor] | None = None) -> nn.Module:
    """The network of a recipe, freshly initialised or with the tensors of a checkpoint.

    Its convolutions compute with channels last, which is faster on a CPU (benchmarks/training_step.py).
    """
    model = NETWORKS[settings.name](**settings.model_dump(exclude={"name"}))
    convert_conv2d_weight_memory_format(model, torch.channels_last)
    if trained is not None:
        model.load_state_dict(trained)
    return model

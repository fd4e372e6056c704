"""From a recipe's model settings to the network."""

from torch import nn

from training.models.vm_unet import VMUNet
from training.recipe import VMUNetSettings


def build_model(settings: VMUNetSettings) -> nn.Module:
    """The network of a recipe, freshly initialised."""
    return VMUNet(**settings.model_dump(exclude={"name"}))

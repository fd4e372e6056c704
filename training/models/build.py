"""From a recipe's model settings to the network."""

from torch import nn

from training.models.unet import UNet
from training.models.vm_unet import VMUNet
from training.recipe import ModelSettings

NETWORKS: dict[str, type[nn.Module]] = {"unet": UNet, "vm_unet": VMUNet}


def build_model(settings: ModelSettings) -> nn.Module:
    """The network of a recipe, freshly initialised."""
    return NETWORKS[settings.name](**settings.model_dump(exclude={"name"}))

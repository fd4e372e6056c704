"""From a recipe's model settings to the network."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from training.model_settings import ModelSettings, MultitaskSettings
from training.models.mitdet import MitDet
from training.models.multitask import Multitask
from training.models.preact_resnet import PreActResNet
from training.models.restainer import Restainer
from training.models.rtmdet import RTMDet
from training.models.timm_encoder import TimmEncoder
from training.models.unet import UNet
from training.models.vm_unet import VMUNet

NETWORKS: dict[str, type[nn.Module]] = {
    "mitdet": MitDet,
    "restainer": Restainer,
    "rtmdet": RTMDet,
    "unet": UNet,
    "vm_unet": VMUNet,
}


def build_model(settings: ModelSettings, trained: Mapping[str, Tensor] | None = None) -> nn.Module:
    """The network of a recipe, freshly initialised or with the tensors of a checkpoint.

    Its convolutions compute with channels last, which is faster on a CPU (benchmarks/training_step.py).
    """
    if isinstance(settings, MultitaskSettings):
        model = _multitask(settings, fetch=trained is None)
    else:
        model = NETWORKS[settings.name](**settings.model_dump(exclude={"name"}))
    convert_conv2d_weight_memory_format(model, torch.channels_last)
    if trained is not None:
        model.load_state_dict(trained)
    return model


def _multitask(settings: MultitaskSettings, fetch: bool) -> nn.Module:
    encoder: PreActResNet | TimmEncoder
    if settings.encoder.name == "timm":
        arguments = settings.encoder.model_dump(exclude={"name", "pretrained"})
        has_data = torch.get_default_device().type != "meta"  # else only shapes are asked for
        fetched = settings.encoder.pretrained and fetch and has_data
        encoder = TimmEncoder(**arguments, maps=settings.decoders, pretrained=fetched)
    else:
        encoder = PreActResNet(**settings.encoder.model_dump(exclude={"name"}))
    return Multitask(encoder, **settings.model_dump(exclude={"name", "encoder"}))

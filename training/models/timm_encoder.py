"""A network of timm, chosen by its name, as an encoder: a convolutional one's maps, or any one's pooled features.

So a vision transformer that was trained on images of all kinds or on tissue can stand under the project's head.
"""

from itertools import pairwise
from types import ModuleType
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from algorithm.errors import AlgorithmError
from training.models.lora import add_lora


class TimmEncoder(nn.Module):
    """Images (batch, 3, height, width) to maps, finest first, or to the pooled features as one map of 1 x 1.

    `channels` are those of the maps. enlarge: how much larger the network sees the images, for one that was trained on
    larger ones; maps are enlarged with them. image_px: the size it sees, for networks with learned positions.
    pretrained: with the weights that timm fetches, or has fetched before. With a lora_rank these stay as they are, and
    differences of that rank are trained (training/models/lora.py). Raises AlgorithmError where timm is missing, does
    not know the network or cannot fetch its weights, where there are no maps whose size halves, and no attention.
    """

    def __init__(
        self,
        model: str,
        maps: bool = False,
        pretrained: bool = False,
        enlarge: float = 1.0,
        image_px: int | None = None,
        lora_rank: int = 0,
        lora_alpha: float = 16.0,
    ) -> None:
        super().__init__()
        given: dict[str, int] = {"features_only": True} if maps else {"num_classes": 0}
        given |= {} if image_px is None else {"img_size": image_px}
        self.network = _create(model, pretrained, given)
        self.maps, self.enlarge = maps, enlarge
        self.channels: list[int] = _channels_of_maps(model, self.network) if maps else [self.network.head_hidden_size]
        if lora_rank and not add_lora(self.network, lora_rank, lora_alpha):
            raise AlgorithmError(
                f"{model} has no attention that LoRA could adapt.", "Give a vision transformer, or lora_rank=0."
            )

    def forward(self, images: Tensor) -> list[Tensor]:
        if self.enlarge != 1:
            images = F.interpolate(images, scale_factor=self.enlarge, mode="bilinear")
        features = self.network(images)
        return list(features) if self.maps else [features[:, :, None, None]]


def _timm() -> ModuleType:
    try:
        import timm
    except (ImportError, RuntimeError) as error:  # torchvision raises the latter beside a torch of another build
        raise AlgorithmError(
            f"An encoder of timm needs timm, which cannot be imported: {error}.",
            "Install anaphase[pretrained], with the torchvision that is made for this torch.",
        ) from error
    return timm


def _create(model: str, pretrained: bool, given: dict[str, int]) -> Any:
    timm = _timm()
    if ":" not in model and not timm.is_model(model):  # "hf-hub:..." is known to the hub alone
        raise AlgorithmError(f"timm {timm.__version__} has no {model}.", "Give a name of timm.list_models().")
    try:
        return timm.create_model(model, pretrained=pretrained, **given)
    except (RuntimeError, OSError, TypeError, ValueError) as error:
        raise AlgorithmError(
            f"timm cannot make {model} with {given}, pretrained={pretrained}: {str(error).rstrip('.')}.",
            "Change the encoder's settings, or fetch its weights where there is a network.",
        ) from error


def _channels_of_maps(model: str, network: Any) -> list[int]:
    steps = network.feature_info.reduction()
    if len(steps) < 2 or any(coarse != 2 * fine for fine, coarse in pairwise(steps)):
        raise AlgorithmError(
            f"Decoders need maps each half as large as the one before; {model} has strides of {steps} px.",
            "Add model.decoders=false.",
        )
    return list(network.feature_info.channels())

"""Low-rank adaptation: a large network keeps its weights and learns a small difference to some of them.

Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022, section 4.1.
"""

from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized, register_parametrization, remove_parametrizations

ATTENTION = ("qkv", "proj")
"""The linear layers of a vision transformer's attention, by timm's names."""


class LowRankDifference(nn.Module):
    """A matrix (out, in) to itself plus alpha / rank * up @ down, which starts at zero."""

    def __init__(self, weight: Tensor, rank: int, alpha: float) -> None:
        super().__init__()
        after, before = weight.shape
        self.scale = alpha / rank
        self.down = nn.Parameter(weight.new_empty(rank, before))
        self.up = nn.Parameter(weight.new_zeros(after, rank))
        nn.init.normal_(self.down, std=before**-0.5)

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.scale * (self.up @ self.down)


def add_lora(network: nn.Module, rank: int, alpha: float) -> int:
    """Freeze the network and give the layers of its attention a difference that can be trained: how many there are.

    The matrix itself is replaced, as some networks take it out of its layer.
    """
    network.requires_grad_(False)
    layers = [module for name, module in network.named_modules() if _is_attention(name, module)]
    for layer in layers:
        weight = layer.get_parameter("weight")
        register_parametrization(layer, "weight", LowRankDifference(weight, rank, alpha))
    return len(layers)


def merge_lora(network: nn.Module) -> nn.Module:
    """The same network with every difference added to its matrix for good, as it is exported."""
    for module in network.modules():
        if is_parametrized(module, "weight"):
            remove_parametrizations(module, "weight", leave_parametrized=True)
    return network


def _is_attention(name: str, module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) and name.rpartition(".")[2] in ATTENTION

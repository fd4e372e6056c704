"""NuClick: its size, its keys, and how its layers are wired."""

import hashlib

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.training.nuclick import nuclick_shapes
from training.models.describe import _products
from training.models.nuclick import CHANNELS, NuClick

PUBLISHED = "f003ac2ea6b06020895bb5f6cc86a17a45e6450c826edb6b7f474be9f071e593"
"""SHA-256 of the public checkpoint's keys and shapes, one a line, sorted; counters of batches left out."""


def full_size() -> NuClick:
    with torch.device("meta"):
        return NuClick().eval()


def test_the_published_size() -> None:
    model = full_size()
    assert sum(parameter.numel() for parameter in model.parameters()) == 66_800_321
    assert len(model.state_dict()) == 360


def test_the_keys_are_those_of_the_public_weights() -> None:
    shapes = {key: shape for key, shape in nuclick_shapes().items() if not key.endswith("num_batches_tracked")}
    lines = sorted(f"{key} {tuple(shape)}" for key, shape in shapes.items())
    assert len(lines) == 302
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == PUBLISHED
    assert shapes["conv_block_1.0.conv_bn_relu.0.weight"] == (64, 5, 7, 7)
    assert shapes["conv_transpose_1.weight"] == (1024, 512, 2, 2)
    assert shapes["residual_block_12.conv_block_2.conv_bn_relu.1.running_var"] == (64,)
    assert shapes["multiscale_block_3.conv_block_4.conv_bn_relu.0.weight"] == (16, 64, 7, 7)
    assert shapes["conv_block_3.conv_bn_relu.0.bias"] == (1,)


def test_multiply_accumulates_of_a_patch() -> None:
    """9.49 G, counted on the public network."""
    counted = 0

    def count(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal counted
        counted += _products(module, given[0], output)

    model = full_size()
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.register_forward_hook(count)
    with torch.no_grad():
        assert model(torch.empty(1, CHANNELS, 128, 128, device="meta")).shape == (1, 1, 128, 128)
    assert round(counted / 1e9, 2) == 9.49


def test_dilations() -> None:
    model = full_size()
    for block, dilations in ((1, (1, 3, 3, 6)), (2, (1, 3, 2, 3)), (3, (1, 3, 2, 6))):
        multiscale = model.get_submodule(f"multiscale_block_{block}")
        convolutions = [module for module in multiscale.modules() if isinstance(module, nn.Conv2d)]
        assert tuple(module.dilation[0] for module in convolutions) == dilations
    assert {module.eps for module in model.modules() if isinstance(module, nn.BatchNorm2d)} == {1.001e-5}


class Reference:
    """The published computation written out from the tensors alone."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        self.state = state

    def conv(self, x: Tensor, name: str, dilation: int = 1, relu: bool = True) -> Tensor:
        weight = self.state[f"{name}.conv_bn_relu.0.weight"]
        x = F.conv2d(x, weight, padding=dilation * (weight.shape[-1] // 2), dilation=dilation)
        mean, var, gain, bias = (
            self.state[f"{name}.conv_bn_relu.1.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        x = F.batch_norm(x, mean, var, gain, bias, eps=1.001e-5)
        return F.relu(x) if relu else x

    def convs(self, x: Tensor, name: str) -> Tensor:
        for number in range(3):
            x = self.conv(x, f"{name}.{number}")
        return x

    def residual(self, x: Tensor, number: int) -> Tensor:
        name = f"residual_block_{number}"
        inner = [f"{name}.{k}" for k in range(3) if f"{name}.{k}.conv_block_1.conv_bn_relu.0.weight" in self.state]
        for block in inner or [name]:
            first = self.conv(x, f"{block}.conv_block_1", relu=False)
            x = F.relu(first + self.conv(first, f"{block}.conv_block_2", relu=False))
        return x

    def multiscale(self, x: Tensor, number: int, dilations: tuple[int, ...]) -> Tensor:
        names = [f"multiscale_block_{number}.conv_block_{k}" for k in range(1, 5)]
        return torch.cat([self.conv(x, name, d) for name, d in zip(names, dilations, strict=True)], dim=1)

    def joined(self, x: Tensor, number: int, skip: Tensor) -> Tensor:
        weight, bias = (self.state[f"conv_transpose_{number}.{part}"] for part in ("weight", "bias"))
        return torch.cat([F.conv_transpose2d(x, weight, bias, stride=2), skip], dim=1)

    def __call__(self, x: Tensor) -> Tensor:
        one = self.convs(x, "conv_block_1")
        two = self.residual(F.max_pool2d(one, 2), 1)
        four = self.residual(self.multiscale(self.residual(F.max_pool2d(two, 2), 2), 1, (1, 3, 3, 6)), 3)
        eight = self.residual(F.max_pool2d(four, 2), 4)
        sixteen = self.residual(F.max_pool2d(eight, 2), 5)
        x = self.residual(self.joined(self.residual(F.max_pool2d(sixteen, 2), 6), 1, sixteen), 7)
        x = self.multiscale(self.residual(self.joined(x, 2, eight), 8), 2, (1, 3, 2, 3))
        x = self.residual(self.joined(self.residual(x, 9), 3, four), 10)
        x = self.multiscale(self.residual(self.joined(x, 4, two), 11), 3, (1, 3, 2, 6))
        x = self.convs(self.joined(self.residual(x, 12), 5, one), "conv_block_2")
        name = "conv_block_3.conv_bn_relu.0"
        return F.conv2d(x, self.state[f"{name}.weight"], self.state[f"{name}.bias"])


@pytest.mark.parametrize("size", [(64, 64), (32, 96)])
def test_the_layers_are_wired_as_published(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    model = NuClick(width=2).eval()
    for name, tensor in model.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.01, 0.1)
        elif tensor.is_floating_point():
            tensor.normal_(std=0.3)
    patches = torch.rand(2, CHANNELS, *size)
    with torch.no_grad():
        expected = Reference(model.state_dict())(patches)
        assert expected.std() > 0.1
        torch.testing.assert_close(model(patches), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))

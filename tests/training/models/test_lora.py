"""LoRA: it starts as nothing, trains alone, and is gone once merged."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from algorithm.size import Size
from training.graph import write_onnx
from training.models.lora import add_lora, merge_lora


class Attention(nn.Module):
    """As timm's transformers have it, some of which take the matrix out of its layer."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(6, 18, bias=False)
        self.proj = nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = F.linear(x, self.qkv.weight)[:, None].chunk(3, dim=-1)
        return self.proj(F.scaled_dot_product_attention(q, k, v)[:, 0])


class Transformer(nn.Module):
    """Patches of 4 px as tokens, one attention, one other layer."""

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, 6, 4, 4)
        self.attention = Attention()
        self.fc = nn.Linear(6, 2)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patch_embed.proj(images).flatten(2).mT
        return self.fc((tokens + self.attention(tokens)).mean(1))


def adapted() -> Transformer:
    torch.manual_seed(0)
    network = Transformer().eval()
    assert add_lora(network, rank=2, alpha=4.0) == 2
    return network


def trained() -> Transformer:
    network = adapted()
    for name, parameter in network.named_parameters():
        if name.endswith(".up"):
            nn.init.normal_(parameter)
    return network


def test_it_starts_as_nothing() -> None:
    torch.manual_seed(0)
    plain, images = Transformer().eval(), torch.rand(2, 3, 8, 8)
    assert torch.equal(adapted()(images), plain(images))


def test_differences_alone_are_trained() -> None:
    network = adapted()
    names = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    layers = [f"attention.{layer}.parametrizations.weight.0" for layer in ("qkv", "proj")]
    assert names == {f"{layer}.{part}" for layer in layers for part in ("down", "up")}
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    images, wanted = torch.rand(2, 3, 8, 8), torch.randn(2, 2)
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.1)
    losses = []
    for _ in range(20):
        loss = F.mse_loss(network(images), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    changed = {key for key, tensor in network.state_dict().items() if not torch.equal(tensor, before[key])}
    assert changed == names


def test_the_difference_is_its_definition() -> None:
    """The matrix and alpha / rank = 2 times the product."""
    network = trained()
    parts = network.attention.proj.parametrizations.weight
    expected = parts.original + 2 * parts[0].up @ parts[0].down
    torch.testing.assert_close(network.attention.proj.weight, expected)
    assert torch.linalg.matrix_rank(network.attention.proj.weight - parts.original) == 2


def test_merged_it_is_the_same_and_an_ordinary_network() -> None:
    network, images = trained(), torch.rand(2, 3, 8, 8)
    expected = network(images)
    assert merge_lora(network) is network
    torch.testing.assert_close(network(images), expected)
    plain = Transformer().eval()
    plain.load_state_dict(network.state_dict())
    torch.testing.assert_close(plain(images), expected)
    assert merge_lora(plain) is plain


def test_a_checkpoint_carries_it() -> None:
    network, other, images = trained(), adapted(), torch.rand(1, 3, 8, 8)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(images), network(images))


def test_a_merged_graph_is_as_large_as_without(tmp_path: Path) -> None:
    network, images = trained(), torch.rand(3, 3, 8, 8)
    expected = network(images).detach().numpy()
    write_onnx(merge_lora(network), Size.square(8), tmp_path / "merged.onnx")
    write_onnx(Transformer(), Size.square(8), tmp_path / "plain.onnx")
    merged, plain = (onnx.load(tmp_path / f"{name}.onnx").graph for name in ("merged", "plain"))
    assert [node.op_type for node in merged.node] == [node.op_type for node in plain.node]
    assert [list(tensor.dims) for tensor in merged.initializer] == [list(tensor.dims) for tensor in plain.initializer]
    session = onnxruntime.InferenceSession(tmp_path / "merged.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    np.testing.assert_allclose(found, expected, atol=1e-5)

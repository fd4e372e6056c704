"""U-Net: its size at each level, what it may see, and that it learns and exports."""

from pathlib import Path

import onnxruntime
import pytest
import torch

from algorithm.size import Size
from training.graph import write_onnx
from training.models.unet import UNet


def convolutions(width: int, levels: int) -> int:
    """Parameters counted by hand from figure 1 of the paper: no biases before batch normalisation, two numbers each."""

    def double(before: int, after: int) -> int:
        return 9 * before * after + 9 * after * after + 4 * after

    widths = [width * 2**level for level in range(levels + 1)]
    down = sum(double(before, after) for before, after in zip([3, *widths], widths, strict=False))
    up = sum(4 * wide * (wide // 2) + wide // 2 + double(wide, wide // 2) for wide in widths[1:])
    return down + up + width + 1


@pytest.mark.parametrize(("width", "levels"), [(64, 4), (16, 3), (5, 1)])
def test_parameters_are_those_of_the_figure(width: int, levels: int) -> None:
    with torch.device("meta"):
        model = UNet(width, levels)
    assert sum(parameter.numel() for parameter in model.parameters()) == convolutions(width, levels)


def test_the_published_size() -> None:
    assert convolutions(64, 4) == 31_037_633


def test_logits_have_the_images_size() -> None:
    assert UNet(4, 3, classes=2)(torch.zeros(2, 3, 24, 40)).shape == (2, 2, 24, 40)


def test_skips_carry_detail_and_depth_carries_context() -> None:
    """With pooling a pixel is seen from far; with the levels' own maps, from near."""
    torch.manual_seed(0)
    model = UNet(4, 2).eval()
    image = torch.randn(1, 3, 64, 64, requires_grad=True)
    model(image)[0, 0, 32, 32].backward()
    assert image.grad is not None
    seen = image.grad.abs().sum((0, 1)) > 0
    assert seen[31:34, 31:34].any()
    rows = seen.any(1).nonzero()
    assert 30 < int(rows.max() - rows.min()) < 64


def test_it_overfits_one_batch() -> None:
    torch.manual_seed(0)
    model, images = UNet(8, 2), torch.rand(2, 3, 32, 32)
    masks = (images[:, :1] > 0.7).float()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        value = torch.nn.functional.binary_cross_entropy_with_logits(model(images), masks)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    assert value.item() < 0.1


def test_the_graph_agrees_at_any_batch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = UNet(4, 2).eval()
    write_onnx(model, Size(64, 32), tmp_path / "unet.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "unet.onnx", providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        tiles = torch.randn(batch, 3, 32, 64)
        (found,) = session.run(None, {session.get_inputs()[0].name: tiles.numpy()})
        assert torch.allclose(torch.from_numpy(found), model(tiles), atol=1e-4)

"""The multi-task classifier: its sizes, what its tasks see, and that its graph holds no decoder."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from algorithm.errors import AlgorithmError
from algorithm.size import Size
from training.graph import write_onnx
from training.model_settings import MultitaskSettings
from training.models.build import build_model
from training.models.multitask import Decoder, Multitask
from training.models.preact_resnet import PreActResNet
from training.recipe import load_recipe


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def tiny(**settings: object) -> Multitask:
    torch.manual_seed(0)
    encoder = PreActResNet(4, (1, 1, 1, 1), bottleneck=False)
    return Multitask(encoder, **{"head": (8,), "decoder_width": 4, **settings})


def test_the_published_network_has_its_size() -> None:
    with torch.device("meta"):
        network = Multitask(PreActResNet())
    assert parameters(network.head) == 1_114_881
    assert (parameters(network.segmentation), parameters(network.pixel_classes)) == (8_959_809, 8_959_939)
    assert parameters(network) == 42_534_981
    assert parameters(network.encoder) + parameters(network.head) == 24_615_233


def test_a_single_task_has_no_decoders() -> None:
    with torch.device("meta"):
        network = Multitask(PreActResNet(), decoders=False)
        assert parameters(network) == 24_615_233
        assert network(torch.empty(2, 3, 32, 32)).shape == (2, 1)
        with pytest.raises(ValueError, match="one task"):
            network.all_tasks(torch.empty(2, 3, 32, 32))


@pytest.mark.parametrize("height, width", [(32, 32), (33, 22), (9, 31)])
def test_logits_have_their_shapes(height: int, width: int) -> None:
    network, images = tiny().eval(), torch.rand(2, 3, height, width)
    with torch.no_grad():
        tasks, alone = network.all_tasks(images), network(images)
    assert tasks.segmentation.shape == (2, 1, height, width)
    assert tasks.pixel_classes.shape == (2, 3, height, width)
    assert tasks.atypical.shape == (2, 1)
    assert torch.equal(tasks.atypical, alone)


def test_the_head_is_its_description() -> None:
    head, x = tiny(head=(8, 5)).head, torch.rand(3, 32, 4, 4)
    first, second, last = (layer for layer in head if isinstance(layer, nn.Linear))
    expected = last(F.relu(second(F.relu(first(x.mean((2, 3)))))))
    torch.testing.assert_close(head(x), expected)


def test_dropout_is_of_training_alone() -> None:
    head, x = tiny(head=(64,), dropout=0.5).head, torch.rand(1, 32, 4, 4)
    assert not torch.equal(head(x), head(x))
    assert torch.equal(head.eval()(x), head(x))


def test_a_decoder_is_its_description() -> None:
    torch.manual_seed(0)
    decoder = Decoder([4, 8, 16], width=2, classes=3).eval()
    fine, middle, coarse = torch.rand(1, 4, 12, 8), torch.rand(1, 8, 6, 4), torch.rand(1, 16, 3, 2)
    x = coarse
    for block, skip in zip(decoder.blocks, (middle, fine), strict=True):
        x = block(torch.cat([nn.Upsample(scale_factor=2, mode="bilinear")(x), skip], dim=1))
    torch.testing.assert_close(decoder([fine, middle, coarse], (12, 8)), decoder.last(x))
    assert decoder.blocks[0][0].out_channels == 4
    whole = nn.Upsample(scale_factor=2, mode="bilinear")(decoder.last(x))
    torch.testing.assert_close(decoder([fine, middle, coarse], (24, 16)), whole)


def test_all_tasks_train_the_encoder_and_each_its_own_part() -> None:
    for task in range(3):
        network = tiny()
        network.all_tasks(torch.rand(2, 3, 16, 16))[task].square().sum().backward()
        reached = {name.split(".")[0] for name, parameter in network.named_parameters() if parameter.grad is not None}
        assert reached == {"encoder", ("head", "segmentation", "pixel_classes")[task]}
        assert all(parameter.grad is not None for parameter in network.encoder.parameters())


def test_it_overfits_one_batch_in_all_tasks() -> None:
    network, images = tiny(), torch.rand(4, 3, 16, 16)
    atypical = torch.tensor([[0.0], [1.0], [0.0], [1.0]])
    masks = (images[:, :1] > 0.7).float()
    classes = masks[:, 0].long() * (1 + atypical[:, :, None].long())
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    first = value = torch.tensor(0.0)
    for step in range(60):
        tasks = network.all_tasks(images)
        losses = F.binary_cross_entropy_with_logits(tasks.atypical, atypical)
        losses = losses + F.binary_cross_entropy_with_logits(tasks.segmentation, masks)
        value = losses + F.cross_entropy(tasks.pixel_classes, classes)
        first = value.detach() if step == 0 else first
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    assert value < 0.3 * first


def test_the_graph_is_the_encoder_and_the_head(tmp_path: Path) -> None:
    """To the tensor what the same network exports that never had decoders."""
    network = tiny().eval()
    write_onnx(network, Size.square(24), tmp_path / "graph.onnx")
    write_onnx(tiny(decoders=False), Size.square(24), tmp_path / "single.onnx")
    graph, single = (onnx.load(tmp_path / f"{name}.onnx").graph for name in ("graph", "single"))
    assert [list(tensor.dims) for tensor in graph.initializer] == [list(tensor.dims) for tensor in single.initializer]
    assert [node.op_type for node in graph.node] == [node.op_type for node in single.node]
    session = onnxruntime.InferenceSession(tmp_path / "graph.onnx", providers=["CPUExecutionProvider"])
    images = torch.rand(3, 3, 24, 24)
    (found,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(found, network(images).numpy(), atol=1e-5)


def test_a_recipe_builds_it() -> None:
    encoder = {"name": "preact_resnet", "width": 4, "units": (1, 1, 1, 1), "bottleneck": False, "padding": "symmetric"}
    settings = MultitaskSettings.model_validate(
        {"name": "multitask", "encoder": encoder, "head": (8,), "decoder_width": 4, "dropout": 0.25}
    )
    model, reference = build_model(settings), tiny()
    shapes = {key: tensor.shape for key, tensor in model.state_dict().items()}
    assert shapes == {key: tensor.shape for key, tensor in reference.state_dict().items()}
    assert isinstance(model.encoder.stages[1].units[0].convolutions[0], nn.Conv2d)
    assert model.encoder.stages[1].units[0].convolutions[0].padding == (1, 1)
    assert model.head[4].p == 0.25
    again = build_model(settings, model.state_dict())
    assert torch.equal(again.head[2].weight, model.head[2].weight)


@pytest.mark.parametrize(
    "override, named",
    [
        ("model.encoder.paddin=tf_same", "unknown key 'paddin'; the nearest valid key is 'padding'"),
        ("model.encoder.units=[1, 0, 1, 1]", "model.encoder.units.1: should be greater than or equal to 1"),
        ("model.encoder.name=resnet", "model.encoder: "),
        ("model.decoder_width=0", "model.decoder_width: should be greater than or equal to 1"),
    ],
)
def test_a_wrong_setting_is_named(override: str, named: str) -> None:
    with pytest.raises(AlgorithmError) as raised:
        load_recipe("multitask", [override])
    assert named in str(raised.value)

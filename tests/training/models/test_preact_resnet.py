"""The pre-activated ResNet: its published size, its maps, TensorFlow's padding by hand, and timm's as a reference."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.training.preact_resnet import resnetv2
from training.models.preact_resnet import PreActResNet, TensorFlowConvolution, Unit
from training.weights.preact_resnet import import_preact_resnet


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def small(**settings: object) -> PreActResNet:
    torch.manual_seed(0)
    return PreActResNet(**{"width": 4, "units": (1, 2, 1, 1), **settings})


def stirred(network: nn.Module) -> nn.Module:
    """Norms are not what they are at the start, so that it shows where they stand."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.5)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.5)
    return network.eval()


def test_the_published_network_has_its_published_size() -> None:
    with torch.device("meta"):
        network = PreActResNet()
        counters = sum(key.endswith("num_batches_tracked") for key in network.state_dict())
        maps = network(torch.empty(1, 3, 128, 128))
    assert parameters(network) == 23_500_352
    assert (len(network.state_dict()) - counters, counters) == (249, 49)
    assert [tuple(x.shape[1:]) for x in maps] == [(256, 128, 128), (512, 64, 64), (1024, 32, 32), (2048, 16, 16)]


def test_stages_have_their_sizes() -> None:
    """By hand for a width of 4 without bottlenecks: two kernels, the projection, and a norm of two numbers each."""
    network = small(bottleneck=False)
    assert parameters(network.stem) == 3 * 49 * 4 + 2 * 4
    first = 2 * 9 * 4 * 4 + 4 * 4 + 2 * 4  # its own norm between the kernels
    assert parameters(network.stages[0]) == first + 2 * 4
    strided = 9 * 4 * 8 + 9 * 8 * 8 + 4 * 8 + 2 * 8
    second = 2 * 9 * 8 * 8 + 2 * 2 * 8
    assert parameters(network.stages[1]) == strided + second + 2 * 8


def test_a_small_one_is_he_s_of_18_layers() -> None:
    with torch.device("meta"):
        assert parameters(PreActResNet(16, (2, 2, 2, 2), bottleneck=False)) == 701_904


@pytest.mark.parametrize("padding", ["tf_same", "symmetric"])
@pytest.mark.parametrize("bottleneck", [True, False])
@pytest.mark.parametrize("height, width", [(32, 32), (17, 30), (9, 5)])
def test_maps_halve_and_round_up(height: int, width: int, bottleneck: bool, padding: str) -> None:
    network = small(bottleneck=bottleneck, padding=padding).eval()
    with torch.no_grad():
        maps = network(torch.rand(2, 3, height, width))
    sizes = [(-(-height // step), -(-width // step)) for step in (1, 2, 4, 8)]
    assert [tuple(x.shape) for x in maps] == [(2, c, *size) for c, size in zip(network.channels, sizes, strict=True)]
    assert all((x >= 0).all() for x in maps)


@pytest.mark.parametrize(
    "row, expected",
    [
        ([1, 2, 3, 4], [1 + 2 + 3, 3 + 4]),  # nothing before, one zero after
        ([1, 2, 3, 4, 5], [1 + 2, 2 + 3 + 4, 4 + 5]),  # one zero at either end
        ([1, 2, 3, 4, 5, 6], [1 + 2 + 3, 3 + 4 + 5, 5 + 6]),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_padding_is_tensorflows(row: list[int], expected: list[int], turned: bool) -> None:
    """Of ones, over one row or column that repeats itself: TensorFlow's documentation of "same" gives the zeros."""
    convolution = TensorFlowConvolution(1, 1, 3, 2, bias=False)
    nn.init.zeros_(convolution.weight)
    convolution.weight.data[0, 0, 1, :] = 1
    image = torch.tensor(row, dtype=torch.float32).expand(1, 1, 3, len(row))
    if turned:
        image, convolution.weight.data = image.mT, convolution.weight.data.mT
    found = convolution(image).mT if turned else convolution(image)
    assert found[0, 0].tolist() == [expected, expected]


def test_padding_is_chosen() -> None:
    """The same weights see an even image shifted, and an odd one alike."""
    networks = [small(padding=padding).eval() for padding in ("tf_same", "symmetric")]
    for side, alike in ((17, True), (16, False)):
        image = torch.rand(1, 3, side, side)
        with torch.no_grad():
            last = [network(image)[-1] for network in networks]
        assert torch.allclose(*last, atol=1e-5) == alike


def test_a_unit_is_its_description() -> None:
    torch.manual_seed(0)
    unit = stirred(Unit((8, 2, 8), (1, 3, 1), 1, "tf_same"))
    x = torch.randn(2, 8, 5, 5)
    branch = x
    for norm, convolution in zip(unit.norms, unit.convolutions, strict=True):
        mean, variance = norm.running_mean, norm.running_var
        branch = F.relu(F.batch_norm(branch, mean, variance, norm.weight, norm.bias, eps=1e-5))
        branch = F.conv2d(branch, convolution.weight, padding=convolution.weight.shape[-1] // 2)
    before = x.clone()
    torch.testing.assert_close(unit(x), x + branch)
    assert torch.equal(x, before)  # nothing is changed in place that goes past


def test_every_parameter_is_trained() -> None:
    network = small()
    network(torch.rand(2, 3, 16, 16))[-1].square().sum().backward()
    assert [name for name, parameter in network.named_parameters() if not parameter.grad.abs().sum() > 0] == []


def timm_network(units: tuple[int, ...], width: int) -> nn.Module:
    """timm's own, with the stride and the pooling of its stem taken away, which no tensor of it shows."""
    timm = pytest.importorskip("timm", exc_type=(ImportError, RuntimeError))
    torch.manual_seed(0)
    channels = [4 * width * 2**stage for stage in range(4)]
    network = timm.create_model("resnetv2_50", layers=units, channels=channels, stem_chs=width)
    network.stem.conv.stride, network.stem.pool = (1, 1), nn.Identity()
    return stirred(network)


@pytest.mark.parametrize("side", [32, 21])
def test_features_are_timms(side: int) -> None:
    units, image = (2, 1, 2, 1), torch.rand(1, 3, side, side)
    theirs = timm_network(units, 8)
    drawn = {key: tensor.shape for key, tensor in resnetv2(8, units).items()}
    assert drawn == {key: t.shape for key, t in theirs.state_dict().items() if not key.endswith("tracked")}
    network = PreActResNet(8, units, padding="symmetric").eval()
    shapes = {f"encoder.{key}": tensor.shape for key, tensor in network.state_dict().items()}
    found = import_preact_resnet(theirs.state_dict(), shapes, "symmetric", "file").tensors
    network.load_state_dict({key.removeprefix("encoder."): tensor for key, tensor in found.items()})
    expected: list[Tensor] = []
    following = [*(stage.blocks[0].norm1 for stage in theirs.stages[1:]), theirs.norm]
    for norm in following:
        norm.register_forward_hook(lambda _, __, output: expected.append(output.clone()))
    with torch.no_grad():
        theirs(image)
        maps = network(image)
    for mine, reference in zip(maps, expected, strict=True):
        torch.testing.assert_close(mine, reference, rtol=1e-5, atol=1e-5)

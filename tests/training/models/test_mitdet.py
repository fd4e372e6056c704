"""MitDet and its trunk: published sizes, names and shapes; what is mixed, frozen and exported."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from algorithm.size import Size
from tests.training.resnet38 import trunk_shapes
from training.model_settings import MitDetSettings
from training.models.build import build_model
from training.models.describe import describe, run_cost
from training.models.mitdet import FIGURE, Located, MitDet
from training.models.resnet38 import ResNet38, Unit
from training.recipe import load_recipe


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def small(**settings: object) -> MitDet:
    torch.manual_seed(0)
    return MitDet(**{"width": 4, "units": (2, 1, 1, 1), **settings})


def stirred(network: MitDet) -> MitDet:
    """Norms and running means are not what they are at the start."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
    return network


@pytest.mark.parametrize("children, expected", [(0, 105_079_104), (4, 105_111_872)])
def test_the_published_network_has_its_published_size(children: int, expected: int) -> None:
    with torch.device("meta"):
        network = build_model(MitDetSettings(name="mitdet", children=children))
        maps = network.eval().trunk(torch.empty(2, 3, 80, 80))
        answers = network(torch.empty(2, 3, 80, 80))
    assert parameters(network.trunk) == 105_070_912
    assert parameters(network) == expected
    assert tuple(maps.shape) == (2, 4096, 10, 10)
    assert [tuple(answer.shape) for answer in answers] == [(2, 2), (2, 2 * children), (2, 4096)]


def test_the_trunk_has_psas_names_and_shapes() -> None:
    with torch.device("meta"):
        state = ResNet38().state_dict()
    found = [(key, tuple(tensor.shape)) for key, tensor in state.items() if not key.endswith("num_batches_tracked")]
    assert found == list(trunk_shapes())
    assert len(found) == 191


@pytest.mark.parametrize("height, width", [(80, 80), (17, 30)])
def test_the_map_is_an_eighth_rounded_up(height: int, width: int) -> None:
    network = small().eval()
    with torch.no_grad():
        maps = network.trunk(torch.rand(1, 3, height, width))
    assert tuple(maps.shape) == (1, network.trunk.channels, -(-height // 8), -(-width // 8))
    assert network.trunk.channels == 64 * 4
    assert (maps >= 0).all()


def test_a_unit_is_its_description() -> None:
    """With a projection of what is activated where the shape changes, past the raw input where not."""
    torch.manual_seed(0)
    x = torch.randn(2, 4, 7, 7)
    for after, stride in ((4, 1), (4, 2), (6, 1)):
        unit = Unit(4, [(6, 3, 1), (after, 3, 2)], stride).eval()
        activated = F.relu(unit.bn_branch2a(x))
        branch = F.conv2d(activated, unit.conv_branch2a.weight, stride=stride, padding=1)
        branch = F.relu(unit.bn_branch2b1(branch))
        branch = F.conv2d(branch, unit.conv_branch2b1.weight, padding=2, dilation=2)
        past = x if unit.conv_branch1 is None else F.conv2d(activated, unit.conv_branch1.weight, stride=stride)
        assert (unit.conv_branch1 is None) == (after == 4 and stride == 1)
        torch.testing.assert_close(unit(x), past + branch)


def test_maps_are_mixed_at_three_places() -> None:
    """Behind the first convolution, at full resolution, and behind the stages of half and of a quarter of it."""
    seen: list[tuple[int, ...]] = []

    def mix(maps: Tensor) -> Tensor:
        seen.append(tuple(maps.shape[1:]))
        return maps

    small().trunk(torch.rand(2, 3, 32, 32), mix)
    assert seen == [(4, 32, 32), (8, 16, 16), (16, 8, 8)]


def test_mixing_uses_the_domains_and_ends_with_training() -> None:
    network, crops = stirred(small(efdmix=1.0, dropout=0.0)), torch.rand(4, 3, 32, 32)
    domains: list[Tensor] = []
    network.efdmix.register_forward_hook(lambda _, __, kwargs, ___: domains.append(kwargs["domains"]), with_kwargs=True)
    given = torch.tensor([0, 1, 0, 1])
    network(crops, given)
    assert len(domains) == 3
    assert all(of_call is given for of_call in domains)
    network.eval()
    with torch.no_grad():
        torch.testing.assert_close(network(crops, given).parents, network(crops).parents)
    assert len(domains) == 3


def test_features_are_the_mean_of_what_dropout_leaves() -> None:
    """Of half of the maps on average, each at twice its value; all of them when the network is used."""
    network, crops = stirred(small(dropout=0.5, efdmix=0.0)), torch.rand(2, 3, 32, 32)
    network.trunk.eval()
    with torch.no_grad():
        means = network.trunk(crops).mean(dim=(2, 3))
        features = network(crops).features
        dropped = (features == 0) & (means > 0)
        torch.testing.assert_close(features[~dropped], 2 * means[~dropped])
        assert 0.3 < dropped.float().mean() < 0.7
        torch.testing.assert_close(network.eval()(crops).features, means)


def test_frozen_is_what_weights_brought() -> None:
    network, crops = stirred(small(frozen=True, children=2)), torch.rand(4, 3, 32, 32)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    answers = network.train()(crops)
    (answers.parents.square().sum() + answers.children.square().sum()).backward()
    trained = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert not any("bn" in name for name in trained)
    stems = ("trunk.conv1a.", "trunk.b2.", "trunk.b2_1.")
    convolutions = {name for name, parameter in network.named_parameters() if parameter.ndim > 1}
    assert trained == {name for name in convolutions if not name.startswith(stems)}
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())  # no norm has counted


def test_all_is_trained_unless_frozen() -> None:
    network = small(children=2)
    answers = network(torch.rand(4, 3, 32, 32))
    (answers.parents.square().sum() + answers.children.square().sum()).backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


def test_what_is_exported_is_the_probability_and_the_activation_of_the_figure() -> None:
    """Before what is negative is dropped, the activation's mean is the logit, since the mean and the head commute."""
    network, crops = stirred(small()).eval(), torch.rand(3, 3, 32, 24)
    nn.init.normal_(network.parent_head.weight)
    with torch.no_grad():
        logits = network(crops).parents
        probability, activation = Located(network)(crops)
        positive = nn.init.uniform_(network.parent_head.weight)
        _, of_positive = Located(network)(crops)
        logits_of_positive = network(crops).parents
    assert positive.min() >= 0
    assert tuple(activation.shape) == (3, 4, 3)
    assert (activation >= 0).all()
    torch.testing.assert_close(probability, torch.sigmoid(logits[:, FIGURE] - logits[:, 1 - FIGURE]))
    torch.testing.assert_close(of_positive.mean(dim=(1, 2)), logits_of_positive[:, FIGURE])


def test_the_small_recipes_network_has_gradients() -> None:
    """In the layout in which networks are built, where they once crashed, those of the other one.

    With a batch's norms rounding would be much enlarged.
    """
    gradients = []
    for memory_format in (torch.channels_last, torch.contiguous_format):
        torch.manual_seed(0)
        network = build_model(load_recipe("mitdet_small").model)
        crops = torch.rand(16, 3, 64, 64, generator=torch.Generator().manual_seed(1))
        answers = network.to(memory_format=memory_format).eval()(crops)
        answers.parents.pow(2).sum().backward()
        gradients.append(network.get_parameter("trunk.conv1a.weight").grad)
    first, second = gradients
    assert first.norm() > 0
    assert (first - second).norm() < 1e-4 * first.norm()


def test_its_cost_is_known_without_running_it() -> None:
    """12.73 G multiply-accumulates a crop, as counted in psa's network."""
    found = describe(load_recipe("mitdet"))
    assert (found.parameters, found.tile_px) == (105_111_872, Size.square(80))
    assert found.multiply_accumulates / 1e9 == pytest.approx(12.73, abs=0.005)
    cost = run_cost(load_recipe("mitdet"), found)
    assert cost.region_tiles is None
    assert cost.bytes > 3 * 4 * found.parameters

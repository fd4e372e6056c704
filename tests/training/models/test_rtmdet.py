"""RTMDet: its published sizes and keys, its levels, what levels share, and how it begins."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.training.rtmdet import rtmdet_shapes
from training.model_settings import RTMDetSettings
from training.models.boxes import flatten_levels, point_priors
from training.models.build import build_model
from training.models.cspnext import Block, ChannelAttention, CSPLayer, SpatialPyramid
from training.models.describe import describe
from training.models.rtmdet import RTMDet
from training.recipe import load_recipe


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def small(classes: int = 2) -> RTMDet:
    torch.manual_seed(0)
    return RTMDet(0.0625, 0.33, classes)


def stirred(module: nn.Module) -> nn.Module:
    """Norms are not what they are at the start, so that it shows where they stand."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_(0, 0.5)
            norm.running_var.uniform_(0.5, 2)
    return module.eval()


def test_the_published_network_has_its_published_size() -> None:
    with torch.device("meta"):
        network = RTMDet(classes=80)
    assert parameters(network) == 8_886_924
    parts = (network.backbone, network.neck, network.bbox_head)
    assert [parameters(part) for part in parts] == [4_378_320, 3_883_200, 625_404]
    state = network.state_dict()
    assert len(state) == 512
    learned = {key: tuple(tensor.shape) for key, tensor in state.items() if not key.endswith("num_batches_tracked")}
    assert list(learned.items()) == list(rtmdet_shapes())


@pytest.mark.parametrize("classes, count", [(1, 8_856_351), (2, 8_856_738)])
def test_other_classes_change_the_last_layer_alone(classes: int, count: int) -> None:
    with torch.device("meta"):
        assert parameters(RTMDet(classes=classes)) == count


@pytest.mark.parametrize(
    "width, depth, count, millions",
    [
        (0.375, 0.167, 4_896_168, "4.90"),
        (0.75, 0.67, 24_709_188, "24.71"),
        (1, 1, 52_315_804, "52.32"),
        (1.25, 1.33, 94_855_572, "94.86"),
    ],
)
def test_other_sizes_are_those_of_mmdetections_table(width: float, depth: float, count: int, millions: str) -> None:
    """configs/rtmdet/README.md: 4.8, 24.71, 52.3 and 94.86 million."""
    with torch.device("meta"):
        network = RTMDet(width, depth, 80)
    assert parameters(network) == count
    assert f"{count / 1e6:.2f}" == millions
    learned = {k: tuple(t.shape) for k, t in network.state_dict().items() if not k.endswith("num_batches_tracked")}
    assert learned == dict(rtmdet_shapes(width, depth))


def test_it_costs_what_is_published() -> None:
    """14.8 G multiply-accumulates at 640 x 640 px with 80 classes, in mmdetection's table."""
    recipe = load_recipe("vm_unet", ["input.tile_px=640"])
    found = describe(recipe.model_copy(update={"model": RTMDetSettings(name="rtmdet", classes=80)}))
    assert f"{found.multiply_accumulates / 1e9:.2f}" == "14.76"
    assert (found.parameters, found.tensors) == (8_886_924, 512)
    assert found.shapes == {"backbone": (1, 512, 20, 20), "neck": (1, 128, 20, 20), "bbox_head": (1, 4, 20, 20)}


def test_levels_have_their_shapes() -> None:
    """An image of 1920 x 1280 px, as the bag of tricks has them."""
    with torch.device("meta"):
        network, images = RTMDet(), torch.empty(2, 3, 1280, 1920)
        maps, levels = network.backbone(images), network(images)
    assert [tuple(x.shape[1:]) for x in maps] == [(128, 160, 240), (256, 80, 120), (512, 40, 60)]
    assert [tuple(logits.shape) for logits, _ in levels] == [(2, 2, 160, 240), (2, 2, 80, 120), (2, 2, 40, 60)]
    assert [tuple(distances.shape) for _, distances in levels] == [(2, 4, 160, 240), (2, 4, 80, 120), (2, 4, 40, 60)]
    logits, distances = flatten_levels(levels)
    places = 160 * 240 + 80 * 120 + 40 * 60
    assert (tuple(logits.shape), tuple(distances.shape)) == ((2, places, 2), (2, places, 4))
    assert len(point_priors(1280, 1920)) == places


def test_levels_share_convolutions_and_not_norms() -> None:
    head = small().bbox_head
    for branches in (head.cls_convs, head.reg_convs):
        for stacked in range(2):
            first, *others = (branch[stacked] for branch in branches)
            assert all(other.conv.weight is first.conv.weight for other in others)
            assert all(other.bn is not first.bn for other in others)
    assert head.cls_convs[0][0].conv.weight is not head.reg_convs[0][0].conv.weight
    assert len({id(last.weight) for last in (*head.rtm_cls, *head.rtm_reg)}) == 6


def test_sharing_survives_building_and_loading() -> None:
    settings = RTMDetSettings(name="rtmdet", width=0.0625)
    state = build_model(settings).state_dict()
    loaded = build_model(settings, state)
    convolutions = [branch[0].conv.weight for branch in loaded.bbox_head.cls_convs]
    assert all(weight is convolutions[0] for weight in convolutions)
    assert all(torch.equal(tensor, state[key]) for key, tensor in loaded.state_dict().items())


def test_norms_are_torchs() -> None:
    """As mmdetection's SyncBN has them by default."""
    norms = [module for module in small().modules() if isinstance(module, nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-5, 0.1)}


def test_it_begins_with_one_in_a_hundred() -> None:
    head = RTMDet(0.25, classes=3).bbox_head
    for last in head.rtm_cls:
        torch.testing.assert_close(torch.sigmoid(last.bias), torch.full((3,), 0.01))
        assert last.bias[0].item() == pytest.approx(-math.log(99))
    assert all((last.bias == 1).all() for last in head.rtm_reg)
    assert head.cls_convs[0][0].conv.weight.std().item() == pytest.approx(0.01, rel=0.05)


def test_a_layer_is_its_description() -> None:
    torch.manual_seed(0)
    layer = stirred(CSPLayer(6, 8, 2, added=True, attention=True))
    x = torch.randn(2, 6, 7, 5)
    main = layer.main_conv(x)
    for block in layer.blocks:
        made = block.conv2.pointwise_conv(block.conv2.depthwise_conv(block.conv1(main)))
        main = main + made
    joined = torch.cat([main, layer.short_conv(x)], dim=1)
    weights = F.relu6(layer.attention.fc(joined.mean((2, 3), keepdim=True)) + 3) / 6
    torch.testing.assert_close(layer(x), layer.final_conv(joined * weights))


def test_stages_add_but_for_the_last_and_only_they_weigh_channels() -> None:
    network = small()
    stages = [network.backbone.stage1, network.backbone.stage2, network.backbone.stage3, network.backbone.stage4]
    added = [[block.added for block in stage.modules() if isinstance(block, Block)] for stage in stages]
    assert added == [[True], [True, True], [True, True], [False]]
    assert not any(block.added for block in network.neck.modules() if isinstance(block, Block))
    assert not any(isinstance(module, ChannelAttention) for module in network.neck.modules())


def test_the_pyramid_sees_maxima_over_5_9_and_13() -> None:
    torch.manual_seed(0)
    pyramid = stirred(SpatialPyramid(4))
    x = torch.randn(1, 4, 15, 15)
    inner = pyramid.conv1(x)
    wide = F.pad(inner, (6, 6, 6, 6), value=-math.inf)
    maxima = [wide.unfold(2, 2 * r + 1, 1).unfold(3, 2 * r + 1, 1).amax((-2, -1)) for r in (2, 4, 6)]
    maxima = [level[:, :, 6 - r : 6 - r + 15, 6 - r : 6 - r + 15] for level, r in zip(maxima, (2, 4, 6), strict=True)]
    torch.testing.assert_close(pyramid(x), pyramid.conv2(torch.cat([inner, *maxima], dim=1)))


def test_the_neck_goes_down_and_up() -> None:
    network = stirred(small())
    neck = network.neck
    fine, middle, coarse = network.backbone(torch.rand(1, 3, 64, 96))
    top = neck.reduce_layers[0](coarse)
    down = neck.top_down_blocks[0](torch.cat([top.repeat_interleave(2, 2).repeat_interleave(2, 3), middle], dim=1))
    half = neck.reduce_layers[1](down)
    first = neck.top_down_blocks[1](torch.cat([half.repeat_interleave(2, 2).repeat_interleave(2, 3), fine], dim=1))
    second = neck.bottom_up_blocks[0](torch.cat([neck.downsamples[0](first), half], dim=1))
    third = neck.bottom_up_blocks[1](torch.cat([neck.downsamples[1](second), top], dim=1))
    expected = [conv(x) for conv, x in zip(neck.out_convs, (first, second, third), strict=True)]
    for found, wanted in zip(neck([fine, middle, coarse]), expected, strict=True):
        torch.testing.assert_close(found, wanted)


def test_every_parameter_is_trained() -> None:
    network = small()
    for logits, distances in network(torch.rand(2, 3, 64, 64)):
        (logits.square().sum() + distances.square().sum()).backward(retain_graph=True)
    assert [name for name, parameter in network.named_parameters() if not parameter.grad.abs().sum() > 0] == []

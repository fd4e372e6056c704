"""VM-UNet against the counts and the keys of its public code, and its parts against torch's own operations."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models import selective_scan, vm_unet
from training.models.selective_scan import selective_scan_reference
from training.models.vm_unet import SS2D, Expansion, LayerNorm, PatchMerging, VMUNet, VSSBlock

# Of the state of the public code's network, depths (2, 2, 2, 2) and (2, 2, 2, 1), one class.
KEYS = {
    "patch_embed.proj.weight": (96, 3, 4, 4),
    "patch_embed.norm.bias": (96,),
    "layers.0.blocks.0.ln_1.weight": (96,),
    "layers.0.blocks.0.self_attention.x_proj_weight": (4, 38, 192),
    "layers.0.blocks.0.self_attention.dt_projs_weight": (4, 192, 6),
    "layers.0.blocks.0.self_attention.dt_projs_bias": (4, 192),
    "layers.0.blocks.0.self_attention.A_logs": (768, 16),
    "layers.0.blocks.1.self_attention.Ds": (768,),
    "layers.0.blocks.1.self_attention.in_proj.weight": (384, 96),
    "layers.0.blocks.1.self_attention.conv2d.weight": (192, 1, 3, 3),
    "layers.1.blocks.0.self_attention.out_norm.weight": (384,),
    "layers.1.blocks.0.self_attention.out_proj.weight": (192, 384),
    "layers.1.downsample.reduction.weight": (384, 768),
    "layers.2.downsample.norm.weight": (1536,),
    "layers.3.blocks.1.self_attention.x_proj_weight": (4, 80, 1536),
    "layers_up.0.blocks.0.self_attention.A_logs": (6144, 16),
    "layers_up.1.upsample.expand.weight": (1536, 768),
    "layers_up.3.upsample.norm.weight": (96,),
    "layers_up.3.blocks.0.self_attention.conv2d.bias": (192,),
    "final_up.expand.weight": (384, 96),
    "final_up.norm.weight": (24,),
    "final_conv.weight": (1, 24, 1, 1),
    "final_conv.bias": (1,),
}


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def without_data(**settings: object) -> VMUNet:
    with torch.device("meta"):
        return VMUNet(**settings)


def tiny(**settings: object) -> VMUNet:
    torch.manual_seed(0)
    depths = (1, 1, 1, 1)
    return VMUNet(**{"width": 8, "depths": depths, "decoder_depths": depths, "state_size": 2, **settings})


def test_the_published_network_has_its_published_size() -> None:
    network = without_data()
    assert parameters(network) == 27_427_561
    assert len(network.state_dict()) == 222


def test_its_stages_have_theirs() -> None:
    network = without_data()
    assert parameters(network.patch_embed) == 4_896
    assert [parameters(stage) for stage in network.layers] == [285_312, 976_128, 3_574_272, 8_911_872]
    assert [parameters(stage) for stage in network.layers_up] == [8_911_872, 3_571_968, 974_976, 179_328]
    assert parameters(network.final_up) == 36_912
    assert parameters(network.final_conv) == 25


@pytest.mark.parametrize(("channels", "count"), [(96, 105_408), (192, 339_840), (384, 1_195_776), (768, 4_455_936)])
def test_blocks_have_theirs(channels: int, count: int) -> None:
    with torch.device("meta"):
        assert parameters(VSSBlock(channels, 16, 0.0)) == count


@pytest.mark.parametrize(
    ("depths", "decoder_depths", "count"),
    [
        ((2, 2, 9, 2), (2, 9, 2, 2), 44_273_833),
        ((2, 2, 27, 2), (2, 27, 2, 2), 87_321_769),
        ((2, 2, 27, 2), (2, 2, 2, 1), 57_321_961),
        ((2, 2, 9, 2), (2, 2, 2, 1), 35_797_993),
    ],
)
def test_other_depths_have_theirs(depths: tuple[int, ...], decoder_depths: tuple[int, ...], count: int) -> None:
    assert parameters(without_data(depths=depths, decoder_depths=decoder_depths)) == count


def test_keys_are_those_of_the_public_code() -> None:
    state = without_data().state_dict()
    assert {key: tuple(state[key].shape) for key in KEYS if key in state} == KEYS


@pytest.mark.parametrize("convolutions", [False, True])
@pytest.mark.parametrize(
    ("height", "width", "patch"), [(32, 32, 4), (64, 32, 4), (32, 96, 4), (16, 48, 2), (64, 128, 8)]
)
def test_logits_have_the_size_of_the_image(height: int, width: int, patch: int, convolutions: bool) -> None:
    stem = {2: (8,), 4: (4, 8), 8: (3, 5, 6)}[patch] if convolutions else ()
    network = tiny(patch_size=patch, stem=stem, classes=2).eval()
    with torch.no_grad():
        assert network(torch.randn(2, 3, height, width)).shape == (2, 2, height, width)


def test_convolutions_take_the_place_of_patches_at_both_ends() -> None:
    """Parameters by hand for 4 channels, 8, and 8 as tokens; a normalised channel has two numbers."""
    network, images = tiny(stem=(4, 8)), torch.randn(2, 3, 32, 64)
    stem, head = network.patch_embed, network.final_up
    down = [(108 + 144) + 4 * 4, (288 + 576) + 4 * 8, (576 + 576) + 4 * 8]
    up = [(256 + 8) + (1152 + 576) + 4 * 8, (128 + 4) + (288 + 144) + 4 * 4]
    assert (parameters(stem), parameters(head)) == (sum(down) + 16, sum(up))
    *finer, tokens = stem(images)
    assert [tuple(fine.shape) for fine in finer] == [(2, 4, 32, 64), (2, 8, 16, 32)]
    assert tokens.shape == tiny().patch_embed(images)[0].shape == (2, 8, 16, 8)
    assert head(tokens, finer).shape == (2, 32, 64, 4)


def test_a_stem_that_does_not_reach_the_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="a stem of 1 levels for patches of 4 px"):
        tiny(stem=(8,))


@pytest.mark.parametrize("stem", [(), (4, 8)])
def test_an_image_is_seen_alone(stem: tuple[int, ...]) -> None:
    """What else is in the batch changes nothing."""
    network = tiny(stem=stem).eval()
    images = torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        together = network(images)
        alone = torch.cat([network(image[None]) for image in images])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_every_parameter_is_trained() -> None:
    network = tiny(drop_path=0.0)
    network(torch.randn(2, 3, 64, 64)).square().sum().backward()
    idle = [name for name, parameter in network.named_parameters() if not parameter.grad.abs().sum() > 0]
    assert idle == []


def test_skips_add_what_enters_an_encoder_stage() -> None:
    """The patch embedding's own output is added nowhere, as in the public code."""
    network = tiny().eval()
    entered: dict[str, Tensor] = {}
    left: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        if name.startswith("layers") and name.count(".") == 1:
            module.register_forward_pre_hook(lambda _, given, name=name: entered.update({name: given[0]}))
            module.register_forward_hook(lambda _, __, output, name=name: left.update({name: output}))
    with torch.no_grad():
        network(torch.randn(1, 3, 32, 32))
    assert torch.equal(entered["layers_up.0"], left["layers.3"])
    for stage in (1, 2, 3):
        skip = entered[f"layers.{4 - stage}"]
        assert torch.equal(entered[f"layers_up.{stage}"], left[f"layers_up.{stage - 1}"] + skip)


def test_merging_takes_the_corners_column_by_column() -> None:
    """torch's pixel_unshuffle has channel, row, column; VM-UNet has column, row, channel."""
    merging = PatchMerging(3)
    x = torch.randn(2, 6, 4, 3)
    unshuffled = F.pixel_unshuffle(x.permute(0, 3, 1, 2), 2).unflatten(1, (3, 2, 2))
    expected = unshuffled.permute(0, 4, 5, 3, 2, 1).flatten(3)
    torch.testing.assert_close(merging(x), merging.reduction(merging.norm(expected)))


@pytest.mark.parametrize("factor", [2, 4])
def test_expanding_lays_channels_out_row_by_row(factor: int) -> None:
    """torch's pixel_shuffle has channel, row, column; VM-UNet has row, column, channel."""
    expand = Expansion(8, 3 * factor**2, factor)
    x = torch.randn(2, 5, 3, 8)
    channels = expand.expand(x).unflatten(-1, (factor, factor, 3)).permute(0, 5, 3, 4, 1, 2).flatten(1, 3)
    expected = expand.norm(F.pixel_shuffle(channels, factor).permute(0, 2, 3, 1))
    torch.testing.assert_close(expand.enlarged(x), expected)


def test_four_directions() -> None:
    """Rows, columns, and both backwards, over a map of 2 x 3."""
    rows, columns = [0, 1, 2, 3, 4, 5], [0, 3, 1, 4, 2, 5]
    orders = vm_unet.scan_orders(2, 3, torch.device("cpu"))
    assert orders.tolist() == [rows, columns, rows[::-1], columns[::-1]]


def test_ss2d_is_its_description() -> None:
    """Direction by direction, with the scan's definition in float64."""
    torch.manual_seed(0)
    block = SS2D(8, state_size=2).double()
    x = torch.randn(1, 4, 3, 8, dtype=torch.float64)
    mapped, gate = block.in_proj(x).split(16, dim=-1)
    mapped = F.silu(block.conv2d(mapped.permute(0, 3, 1, 2)))  # (1, 16, 4, 3)
    total = torch.zeros_like(mapped)
    for direction in range(4):
        turned = mapped if direction % 2 == 0 else mapped.transpose(2, 3)
        u = turned.flatten(2).transpose(1, 2)
        u = u.flip(1) if direction >= 2 else u
        time_step, B, C = (u @ block.x_proj_weight[direction].T).split([1, 2, 2], dim=-1)
        delta = time_step @ block.dt_projs_weight[direction].T
        bias = block.dt_projs_bias[direction]
        A = -torch.exp(block.A_logs.view(4, 16, 2)[direction]).T
        D = block.Ds.view(4, 16)[direction]
        delta, B, C = (part[:, :, None] for part in (delta, B, C))
        y = selective_scan_reference(u, delta, bias[None], A[None], B, C, D[None], torch.arange(12)[None])
        y = y.flip(1) if direction >= 2 else y
        y = y.transpose(1, 2).view(turned.shape)
        total = total + (y if direction % 2 == 0 else y.transpose(2, 3))
    expected = block.out_proj(block.out_norm(total.permute(0, 2, 3, 1)) * F.silu(gate))
    torch.testing.assert_close(block(x), expected)


def autocast() -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16)


def test_mixed_precision_leaves_the_scan_float32_and_its_fastest_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes into the scan is bfloat16 in part; what a form of it is given is not."""
    chosen, given = set(), set()
    fastest = selective_scan.fastest_form

    def noting(u: Tensor) -> Callable[..., Tensor]:
        chosen.add(fastest(u))

        def form(*parts: Tensor) -> Tensor:
            given.update(part.dtype for part in parts[:-1])
            return fastest(u)(*parts)

        return form

    monkeypatch.setattr(selective_scan, "fastest_form", noting)
    with autocast():
        logits = tiny()(torch.randn(2, 3, 32, 32))
    assert logits.dtype == torch.bfloat16
    assert given == {torch.float32}
    assert chosen == {fastest(torch.ones(1))}


def test_mixed_precision_has_nearly_the_gradient_of_float32() -> None:
    network, images = tiny(drop_path=0.0), torch.randn(4, 3, 64, 64)
    gradients = []
    for enabled in (False, True):
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            logits = network(images)
        (logits.float() - images[:, :1]).square().mean().backward()
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in network.parameters()]))
    whole, half = gradients
    assert half.isfinite().all()
    assert (half - whole).norm() < 0.3 * whole.norm()


def test_norms_sum_their_gradients_in_float32() -> None:
    """Over the places of a map; bfloat16 would stop at some hundreds of ones."""
    norm, x = LayerNorm(8), torch.randn(16_384, 8).bfloat16()
    with autocast():
        norm(x).sum().backward()
    torch.testing.assert_close(norm.bias.grad, torch.full((8,), 16_384.0))


def test_time_steps_begin_between_a_thousandth_and_a_tenth() -> None:
    torch.manual_seed(0)
    block = SS2D(32, 16)
    steps = F.softplus(block.dt_projs_bias)
    assert 0.00099 < steps.min() < 0.0015
    assert 0.07 < steps.max() < 0.101
    torch.testing.assert_close(torch.exp(block.A_logs), torch.arange(1.0, 17).expand(256, 16))
    assert torch.equal(block.Ds, torch.ones(256))


def test_paths_drop_more_often_towards_the_bottleneck() -> None:
    network = without_data()
    encoder = [block.drop_path for stage in network.layers for block in stage.blocks]
    decoder = [block.drop_path for stage in network.layers_up for block in stage.blocks]
    assert encoder == pytest.approx([0, 0.0286, 0.0571, 0.0857, 0.1143, 0.1429, 0.1714, 0.2], abs=1e-4)
    assert decoder == pytest.approx([0.2, 0.1667, 0.1333, 0.1, 0.0667, 0.0333, 0], abs=1e-4)


def test_paths_are_dropped_in_training_alone() -> None:
    torch.manual_seed(0)
    block = VSSBlock(8, 2, drop_path=0.5)
    x = torch.randn(64, 2, 2, 8)
    with torch.no_grad():
        branch = block.self_attention(block.ln_1(x))
        torch.testing.assert_close(block.eval()(x), x + branch)
        trained = block.train()(x)
    dropped = (trained == x).flatten(1).all(1)
    assert 16 < dropped.sum() < 48
    torch.testing.assert_close(trained[~dropped], (x + 2 * branch)[~dropped], rtol=1e-4, atol=1e-5)

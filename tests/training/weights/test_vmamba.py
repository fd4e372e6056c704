"""VMamba v0-Small's tensors in VM-UNet: which go where, in either spelling, and what is refused."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from algorithm.errors import InputError
from tests.training.vmamba import later_spelling, vmamba
from training.model_settings import VMUNetSettings
from training.weights.files import network_shapes
from training.weights.vmamba import import_vmamba

PUBLISHED = VMUNetSettings(name="vm_unet")
TINY = VMUNetSettings(name="vm_unet", width=8, state_size=2)


def test_the_published_network_takes_208_of_222() -> None:
    """117 of the encoder, 91 of the decoder, of a classifier of 44,417,416 parameters in 442 tensors, norm and head."""
    source, shapes = vmamba(96, state=16, device="meta"), network_shapes(PUBLISHED)
    assert (len(source), sum(tensor.numel() for tensor in source.values())) == (442 + 4, 44_417_416)
    found = import_vmamba(source, shapes, "file")
    assert (len(found.tensors), len(shapes)) == (208, 222)
    assert (found.count("patch_embed.", "layers."), found.count("layers_up.")) == (117, 91)
    assert {key: tensor.shape for key, tensor in found.tensors.items()} == {key: shapes[key] for key in found.tensors}
    left = shapes.keys() - found.tensors.keys()
    assert {key.rsplit(".", 2)[0] if "up." in key else key.rsplit(".", 1)[0] for key in left} == {
        *(f"layers_up.{stage}.upsample" for stage in (1, 2, 3)),
        "final_up",
        "final_conv",
    }
    assert len(found.unused) == 442 + 4 - 117


@pytest.mark.parametrize("spelling", [lambda checkpoint: checkpoint, later_spelling])
@pytest.mark.parametrize("prefix", ["", "module.", "vmunet.", "backbone.", "module.backbone."])
def test_every_tensor_is_in_its_place(spelling: Callable[[dict[str, Tensor]], dict[str, Tensor]], prefix: str) -> None:
    """The encoder's under its own name; the decoder's stage k from the encoder's 3 - k."""
    source = vmamba()
    given = {prefix + key: tensor for key, tensor in spelling(source).items()}
    found = import_vmamba(given, network_shapes(TINY), "file").tensors
    assert len(found) == 208
    for key, tensor in found.items():
        stage = int(key.split(".")[1]) if key.startswith("layers_up.") else None
        origin = key if stage is None else key.replace(f"layers_up.{stage}", f"layers.{3 - stage}")
        assert torch.equal(tensor, source[origin]), key


def test_time_steps_are_taken_in_one_piece() -> None:
    """The later code base keeps the projections of the four directions below each other."""
    source = later_spelling(vmamba())
    for key in list(source):
        if key.endswith("dt_projs.weight"):
            source[key] = torch.arange(float(source[key].numel())).view(-1, source[key].shape[-1])
    weight = import_vmamba(source, network_shapes(TINY), "file").tensors[
        "layers.0.blocks.0.self_attention.dt_projs_weight"
    ]
    assert weight.shape == (4, 16, 1)
    assert torch.equal(weight.flatten(), torch.arange(64.0))


def test_halves_become_single_precision() -> None:
    source = {key: tensor.half() for key, tensor in vmamba().items()}
    assert {t.dtype for t in import_vmamba(source, network_shapes(TINY), "file").tensors.values()} == {torch.float32}


def test_a_deeper_network_keeps_its_own_blocks() -> None:
    """A stage of three blocks where the file has two: 13 tensors more at random in the encoder."""
    deeper = VMUNetSettings(name="vm_unet", width=8, state_size=2, depths=(3, 2, 2, 2))
    found = import_vmamba(vmamba(), network_shapes(deeper), "file")
    assert not any(key.startswith("layers.0.blocks.2.") for key in found.tensors)
    assert len(found.tensors) == 208


def test_a_decoder_of_its_own_is_taken() -> None:
    """As VM-UNet's checkpoints have."""
    shapes = network_shapes(TINY)
    whole = {key: torch.zeros(shape) for key, shape in shapes.items()}
    whole["layers_up.0.blocks.0.ln_1.weight"] += 5
    found = import_vmamba({f"vmunet.{key}": tensor for key, tensor in whole.items()}, shapes, "file")
    assert len(found.tensors) == 222
    assert found.tensors["layers_up.0.blocks.0.ln_1.weight"].mean() == 5


def without(key: str) -> dict[str, Tensor]:
    checkpoint = vmamba()
    del checkpoint[key]
    return checkpoint


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ({**later_spelling(vmamba()), "layers.0.blocks.0.mlp.fc1.weight": torch.zeros(1)}, "layers.0.blocks.0.mlp.fc1"),
        ({**later_spelling(vmamba()), "patch_embed.5.weight": torch.zeros(1)}, "it has patch_embed.5.weight"),
        ({**later_spelling(vmamba()), "layers.0.downsample.3.weight": torch.zeros(1)}, "downsample.3.weight"),
        (later_spelling(vmamba(state=1)), "x_proj_weight is 4 x 3 x 16 instead of 4 x 5 x 16"),
        (vmamba(width=16), "patch_embed.proj.weight is 16 x 3 x 4 x 4 instead of 8 x 3 x 4 x 4"),
        ({"conv1.weight": torch.zeros(64, 3, 7, 7)}, "it has conv1.weight"),
        ({"norm.weight": torch.zeros(3)}, "has no patch_embed.proj.weight"),
        (without("layers.2.blocks.1.self_attention.Ds"), "has no layers.2.blocks.1.self_attention.Ds"),
        (without("layers.1.downsample.norm.bias"), "has no layers.1.downsample.norm.bias"),
        (vmamba(depths=(2, 2, 0, 2)), "has no layers.2.blocks.0.ln_1.weight"),
        ({**vmamba(), **later_spelling(vmamba())}, "twice, in two spellings"),
    ],
)
def test_another_layout_is_refused_by_the_key_that_shows_it(source: dict[str, Tensor], named: str) -> None:
    with pytest.raises(InputError) as raised:
        import_vmamba(source, network_shapes(TINY), "file.pth")
    assert named in str(raised.value)
    assert str(raised.value).startswith("file.pth ")
    assert "vssmsmall_dp03_ckpt_epoch_238.pth" in str(raised.value)


def test_the_second_version_is_called_by_its_name() -> None:
    source = {
        "layers.0.blocks.0.op.out_norm.weight": torch.zeros(1),
        "layers.0.blocks.0.mlp.fc1.weight": torch.zeros(1),
    }
    with pytest.raises(InputError, match=r"VMamba's second version: it has layers\.0\.blocks\.0\.mlp\.fc1\.weight"):
        import_vmamba(source, network_shapes(TINY), "file.pth")

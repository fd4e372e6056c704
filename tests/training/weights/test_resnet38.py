"""ResNet38's weights in three spellings: what goes where, which class is the figure's, and what is refused."""

from pathlib import Path

import pytest
import torch
from torch import Size, Tensor

from algorithm.errors import InputError
from tests.training.mxnet import write_mxnet
from tests.training.resnet38 import mxnet_key, psa
from training.__main__ import main
from training.model_settings import MitDetSettings
from training.models.build import build_model
from training.models.mitdet import FIGURE, Located
from training.weights.files import network_shapes, read_foreign, read_weights
from training.weights.resnet38 import import_resnet38

Checkpoint = dict[str, Tensor]
WIDTH, UNITS = 2, (2, 1, 1, 2)
CHANNELS = 64 * WIDTH


def settings(children: int = 0) -> MitDetSettings:
    return MitDetSettings(name="mitdet", width=WIDTH, units=UNITS, children=children)


def shapes(children: int = 0) -> dict[str, Size]:
    return network_shapes(settings(children))


def tiny() -> Checkpoint:
    return psa(WIDTH, UNITS)


def head(classes: int) -> Tensor:
    """Row n holds n."""
    return torch.arange(classes).float().view(-1, 1, 1, 1).expand(-1, CHANNELS, 1, 1).clone()


def mitdet(children: int = 4) -> Checkpoint:
    return {**tiny(), "fc8_20.weight": head(2), "fc8_200.weight": head(2 * children)}


@pytest.mark.parametrize("spell", [str, mxnet_key, lambda key: f"module.{key}"])
def test_the_whole_trunk_is_taken_in_every_spelling(spell: object) -> None:
    source = psa(device="meta")
    assert callable(spell)
    found = import_resnet38({spell(key): tensor for key, tensor in source.items()}, META_SHAPES, "file")
    assert found.tensors.keys() == {f"trunk.{key}" for key in source}
    assert found.count("trunk.") == 191
    assert found.unused == []


META_SHAPES = network_shapes(MitDetSettings(name="mitdet"))


def test_every_tensor_is_under_its_own_name() -> None:
    source = tiny()
    for spelt in (source, {mxnet_key(key): tensor for key, tensor in source.items()}):
        found = import_resnet38(spelt, shapes(), "file").tensors
        assert all(torch.equal(found[f"trunk.{key}"], tensor) for key, tensor in source.items())


def test_older_files_of_mxnet_leave_out_moving() -> None:
    source = {mxnet_key(key).replace("moving_", ""): tensor for key, tensor in tiny().items()}
    assert import_resnet38(source, shapes(), "file").count("trunk.") == len(source)


def test_a_file_of_mxnet_is_read_and_runs(tmp_path: Path) -> None:
    arrays = {mxnet_key(key): tensor.numpy() for key, tensor in tiny().items()}
    arrays["arg:linear1000_weight"] = torch.zeros(10, CHANNELS).numpy()
    found = import_resnet38(read_foreign(write_mxnet(tmp_path / "a.params", arrays)), shapes(), "file")
    assert found.unused == ["linear1000_weight"]
    model = build_model(settings())
    missing = model.load_state_dict(found.tensors, strict=False).missing_keys
    assert all(key.endswith("num_batches_tracked") or key == "parent_head.weight" for key in missing)
    assert model.eval()(torch.rand(1, 3, 16, 16)).parents.isfinite().all()


def test_the_figure_comes_first_in_mitdets_code_and_last_here() -> None:
    found = import_resnet38(mitdet(), shapes(4), "file").tensors
    assert found["parent_head.weight"][:, 0].tolist() == [1, 0]
    assert found["child_head.weight"][:, 0].tolist() == [4, 5, 6, 7, 0, 1, 2, 3]
    assert found["child_head.weight"].shape == (8, CHANNELS)


def test_what_mitdets_code_calls_a_figure_is_one_here() -> None:
    """Its probability is that of the first of two classes."""
    torch.manual_seed(0)
    model = build_model(settings())
    state = {key.removeprefix("trunk."): value for key, value in model.state_dict().items() if "trunk." in key}
    weight = torch.randn(2, CHANNELS, 1, 1)
    model.load_state_dict(import_resnet38({**state, "fc8_20.weight": weight}, shapes(), "file").tensors, strict=False)
    crops = torch.rand(3, 3, 16, 16)
    with torch.no_grad():
        maps = model.eval().trunk(crops)
        theirs = torch.softmax(torch.nn.functional.conv2d(maps.mean((2, 3), keepdim=True), weight), 1)[:, 0, 0, 0]
        activation = torch.relu(torch.nn.functional.conv2d(maps, weight)[:, 0])
        found = Located(model)(crops)
    torch.testing.assert_close(found[0], theirs)
    torch.testing.assert_close(found[1], activation)
    assert FIGURE == 1


def test_heads_that_the_network_has_not_are_left_out() -> None:
    assert import_resnet38(mitdet(), shapes(), "file").unused == ["fc8_200.weight"]
    photographs = import_resnet38({**tiny(), "fc8.weight": head(20)}, shapes(4), "file")
    assert photographs.unused == ["fc8.weight"]
    assert "parent_head.weight" not in photographs.tensors
    parent = import_resnet38({**tiny(), "fc8.weight": head(2)}, shapes(4), "file")
    assert parent.tensors["parent_head.weight"][:, 0].tolist() == [1, 0]


def test_counters_are_taken_where_they_are() -> None:
    source = tiny() | {"bn7.num_batches_tracked": torch.tensor(7)}
    counter = import_resnet38(source, shapes(), "file").tensors["trunk.bn7.num_batches_tracked"]
    assert (counter.item(), counter.dtype) == (7, torch.int64)


def without(key: str) -> Checkpoint:
    return {name: tensor for name, tensor in tiny().items() if name != key}


@pytest.mark.parametrize(
    "source, problem",
    [
        ({"conv1.weight": torch.zeros(64, 3, 7, 7)}, "is not laid out as a ResNet38: it has no conv1a.weight"),
        (without("bn7.weight"), "is not laid out as a ResNet38: it has no bn7.weight"),
        (without("b5_1.bn_branch2a.bias"), "has no b5_1.bn_branch2a.bias, so it holds no whole ResNet38"),
        ({**tiny(), "module.conv1a.weight": torch.zeros(1)}, "has a tensor twice, in two spellings"),
        ({**tiny(), "b9.conv_branch2a.weight": torch.zeros(1)}, "the network has no trunk.b9.conv_branch2a.weight"),
        (psa(2 * WIDTH, UNITS), "trunk.conv1a.weight is 4 x 3 x 3 x 3 instead of 2 x 3 x 3 x 3"),
        (psa(WIDTH, (2, 1, 2, 2)), "does not fit: the network has no trunk.b4_1.bn_branch2a.weight"),
        (mitdet(3), f"does not fit: child_head.weight is 6 x {CHANNELS} instead of 8 x {CHANNELS}"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(source: Checkpoint, problem: str) -> None:
    with pytest.raises(InputError) as raised:
        import_resnet38(source, shapes(4), "file.pth")
    assert problem in str(raised.value)
    assert str(raised.value).startswith("file.pth ")


def test_the_command_writes_them_and_says_how_many(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"state_dict": mitdet()}, tmp_path / "mitdet.pth")
    words = ["import-weights", "mitdet", str(tmp_path / "mitdet.pth"), f"model.width={WIDTH}"]
    output = tmp_path / "w.safetensors"
    assert main([*words, f"model.units={list(UNITS)}", "--output", str(output)]) == 0
    said = capsys.readouterr().out
    trunk = len(tiny())
    assert f"{trunk + 2} tensors, 0 of them of no use here" in said
    assert f"({trunk} of the trunk, 2 of the heads)" in said
    assert read_weights(output, settings(4)).record["tensors"] == trunk + 2

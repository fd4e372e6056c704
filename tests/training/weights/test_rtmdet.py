"""mmdetection's RTMDet: what of a checkpoint goes where, in which order of colours, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from algorithm.errors import InputError
from tests.training.rtmdet import rtmdet
from training.__main__ import main
from training.model_settings import RTMDetSettings
from training.models.build import build_model
from training.weights.files import network_shapes, read_foreign, read_weights
from training.weights.rtmdet import import_rtmdet

Checkpoint = dict[str, Tensor]
FIRST = "backbone.stem.0.conv.weight"
TINY = RTMDetSettings(name="rtmdet", width=0.0625)
SHAPES = network_shapes(TINY)


def tiny() -> Checkpoint:
    """80 classes, where the network has two."""
    return rtmdet(TINY.width, TINY.depth)


def imported(source: Checkpoint) -> Checkpoint:
    return import_rtmdet(source, SHAPES, "file").tensors


def test_the_published_network_takes_all_but_its_classes() -> None:
    """424 of 430 tensors; 82 counters of the network's 512 begin at nought, and its classes' six as they are."""
    shapes = network_shapes(RTMDetSettings(name="rtmdet"))
    source = rtmdet(device="meta")
    assert (len(source), len(shapes)) == (430, 512)
    found = import_rtmdet(source, shapes, "file")
    assert len(found.tensors) == 424
    assert [found.count(start) for start in ("backbone.", "neck.", "bbox_head.")] == [203, 155, 66]
    assert found.unused == [f"bbox_head.rtm_cls.{level}.{part}" for level in range(3) for part in ("weight", "bias")]
    assert {key: tensor.shape for key, tensor in found.tensors.items()} == {key: shapes[key] for key in found.tensors}
    learned = {key for key in shapes if not key.endswith("num_batches_tracked")}
    assert learned - found.tensors.keys() == set(found.unused)


def test_every_tensor_is_under_its_own_name_and_colours_are_turned() -> None:
    source = tiny()
    found = imported(source)
    for key, tensor in found.items():
        expected = source[key][:, [2, 1, 0]] if key == FIRST else source[key]
        assert torch.equal(tensor, expected), key
    assert found[FIRST][0, :, 0, 0].tolist() == pytest.approx([0.301, 0.201, 0.101])


def test_the_network_sees_red_where_mmdetections_saw_it() -> None:
    """The same picture, its colours in the other order for the weights as they were."""
    model = build_model(TINY).eval()
    convolution, source = model.backbone.stem[0].conv, tiny()
    source[FIRST].normal_()
    picture = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        convolution.weight.copy_(source[FIRST])
        expected = convolution(picture.flip(1))
        model.load_state_dict(imported(source), strict=False)
        torch.testing.assert_close(convolution(picture), expected)


def test_what_is_imported_runs_and_keeps_its_classes_bias() -> None:
    model = build_model(TINY).eval()
    missing = model.load_state_dict(imported(tiny()), strict=False).missing_keys
    assert all(key.endswith("num_batches_tracked") or key.startswith("bbox_head.rtm_cls.") for key in missing)
    with torch.no_grad():
        levels = model(torch.rand(1, 3, 64, 64))
    assert [tuple(logits.shape) for logits, _ in levels] == [(1, 2, 8, 8), (1, 2, 4, 4), (1, 2, 2, 2)]
    assert all(part.isfinite().all() for level in levels for part in level)
    torch.testing.assert_close(torch.sigmoid(model.bbox_head.rtm_cls[0].bias), torch.full((2,), 0.01))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tensors: tensors,
        lambda tensors: {"meta": {"epoch": 300}, "state_dict": tensors},
        lambda tensors: {"state_dict": tensors, "ema_state_dict": {"module.other": torch.zeros(1)}},
        lambda tensors: {
            "meta": {},
            "ema_state_dict": {"steps": torch.tensor(9), **{f"module.{key}": t for key, t in tensors.items()}},
        },
        lambda tensors: {"state_dict": {"data_preprocessor.mean": torch.zeros(3, 1, 1), **tensors}},
        lambda tensors: {"state_dict": {key: tensor.double() for key, tensor in tensors.items()}},
    ],
)
def test_checkpoints_are_read_whatever_they_are_wrapped_in(
    wrap: Callable[[Checkpoint], dict[str, Any]], tmp_path: Path
) -> None:
    torch.save(wrap(tiny()), tmp_path / "rtmdet.pth")
    found, expected = imported(read_foreign(tmp_path / "rtmdet.pth")), imported(tiny())
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], tensor) and tensor.dtype == torch.float32 for key, tensor in expected.items())


def test_counters_are_taken_where_they_are() -> None:
    source = tiny() | {"backbone.stem.0.bn.num_batches_tracked": torch.tensor(7)}
    counter = imported(source)["backbone.stem.0.bn.num_batches_tracked"]
    assert (counter.item(), counter.dtype) == (7, torch.int64)


def test_distances_that_are_logarithms_stay_out() -> None:
    """L and X say them so."""
    large = RTMDetSettings(name="rtmdet", width=1, depth=1)
    found = import_rtmdet(rtmdet(1, 1, device="meta"), network_shapes(large), "file")
    assert len(found.unused) == 12
    assert not any("rtm_reg" in key for key in found.tensors)


def without(key: str) -> Checkpoint:
    return {name: tensor for name, tensor in tiny().items() if name != key}


@pytest.mark.parametrize(
    "source, problem",
    [
        ({"conv1.weight": torch.zeros(64, 3, 7, 7)}, f"is not laid out as mmdetection's RTMDet: it has no {FIRST}"),
        ({FIRST: torch.zeros(1)}, "it has no bbox_head.cls_convs.0.0.conv.weight"),
        (without("bbox_head.rtm_reg.0.weight"), "it has no bbox_head.rtm_reg.0.weight"),
        (without("neck.out_convs.1.bn.bias"), "has no neck.out_convs.1.bn.bias, so it holds no whole RTMDet"),
        ({**tiny(), "mask_head.weight": torch.zeros(1)}, "does not fit: the network has no mask_head.weight"),
        ({**tiny(), f"module.{FIRST}": torch.zeros(1)}, "has a tensor twice, in two spellings"),
        (rtmdet(0.125), f"does not fit: {FIRST} is 4 x 3 x 3 x 3 instead of 2 x 3 x 3 x 3"),
        (rtmdet(0.0625, 0.67), "does not fit: the network has no backbone.stage1.1.blocks.1.conv1.conv.weight"),
        (rtmdet(0.0625, 0.167), "has no backbone.stage2.1.blocks.1.conv1.conv.weight, so it holds no whole RTMDet"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(source: Checkpoint, problem: str) -> None:
    with pytest.raises(InputError) as raised:
        import_rtmdet(source, SHAPES, "file.pth")
    assert problem in str(raised.value)
    assert str(raised.value).startswith("file.pth ")


RECIPE = ["rtmdet_s", f"model.width={TINY.width}", f"model.depth={TINY.depth}"]


def test_the_command_writes_them_and_says_how_many(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"meta": {}, "state_dict": tiny()}, tmp_path / "rtmdet.pth")
    output = tmp_path / "w.safetensors"
    name, *sizes = RECIPE
    assert main(["import-weights", name, str(tmp_path / "rtmdet.pth"), *sizes, "--output", str(output)]) == 0
    said = capsys.readouterr().out
    assert "430 tensors, 6 of them of no use here" in said
    assert "424 of the network's 512 tensors (203 of the backbone, 155 of the neck, 66 of the head)" in said
    assert load_file(output).keys() == imported(tiny()).keys()
    assert read_weights(output, TINY).record["tensors"] == 424


def test_a_foreign_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"state_dict": {"conv1.weight": torch.zeros(1)}}, tmp_path / "other.pth")
    words = ["import-weights", "rtmdet_s", str(tmp_path / "other.pth"), "--output", str(tmp_path / "new")]
    assert main(words) == 1
    error = capsys.readouterr().err
    assert "is not laid out as mmdetection's RTMDet" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "new").exists()

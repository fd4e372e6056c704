import hashlib
import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from scipy import ndimage

from algorithm import runtime
from algorithm.bundle import load_bundle
from algorithm.errors import AlgorithmError, BundleError
from algorithm.runtime import CropEnsemble, Ensemble
from algorithm.size import Size
from tests.tiny_bundle import DARK, GAIN, MEAN, tiny_graph, tiny_manifest, write_manifest, write_tiny_bundle
from tests.tiny_nuclei import STRIDE, tiny_nuclei_graph, tiny_nuclei_manifest, write_tiny_nuclei

TILE = 32
SIZE = Size.square(TILE)


def bundle_of(folder: Path, model: bytes, manifest: dict[str, Any] | None = None) -> Path:
    """A bundle whose only member is made of these bytes, with the right hash; a detection bundle unless said."""
    manifest = manifest or tiny_manifest(tile_px=TILE)
    (folder / "model.onnx").write_bytes(model)
    manifest["members"] = [{"files": {"any": {"file": "model.onnx", "sha256": hashlib.sha256(model).hexdigest()}}}]
    write_manifest(folder, manifest)
    return folder


def tiles(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, TILE, TILE, 3), dtype=np.uint8)


def test_probabilities_are_those_of_the_graph(tmp_path: Path) -> None:
    ensemble = Ensemble(load_bundle(write_tiny_bundle(tmp_path, members=2, tile_px=TILE)), "cpu")
    assert (ensemble.device, ensemble.providers) == ("cpu", ("CPUExecutionProvider",))
    pixels = tiles(3)
    red = ndimage.uniform_filter(pixels[..., 0] / 255, (0, 5, 5), mode="constant", cval=MEAN)
    expected = [1 / (1 + np.exp(-GAIN * (DARK - 0.01 * number - red))) for number in range(2)]
    found = ensemble(pixels)
    assert found.dtype == np.float32
    assert found == pytest.approx(np.array(expected), abs=1e-5)


def test_batches_and_threads_make_no_difference(tmp_path: Path) -> None:
    bundle = load_bundle(write_tiny_bundle(tmp_path, members=2, tile_px=TILE))
    pixels = tiles(16)
    expected = Ensemble(bundle, "cpu", threads=1)(pixels)
    for threads in (1, 2, 3):
        ensemble = Ensemble(bundle, "cpu", threads)
        for batch in (1, 3, 8, 16):
            parts = [ensemble(pixels[start : start + batch]) for start in range(0, 16, batch)]
            assert np.concatenate(parts, axis=1).tobytes() == expected.tobytes()


def test_batches_hold_many_small_tiles_and_at_least_one(tmp_path: Path) -> None:
    assert [runtime.tiles_at_once("cpu", Size.square(side)) for side in (64, 256, 512)] == [64, 4, 1]
    assert [runtime.tiles_at_once("cuda", Size.square(side)) for side in (128, 512, 1024)] == [32, 2, 1]
    assert Ensemble(load_bundle(write_tiny_bundle(tmp_path, tile_px=TILE)), "cpu").batch_size == runtime.tiles_at_once(
        "cpu", SIZE
    )


def test_members_see_tiles_each_in_its_own_turn_and_answer_as_they_lie(tmp_path: Path) -> None:
    """Of four networks that look two pixels to the left, one looks left, the next up, then right, then down."""
    graph = tiny_graph(SIZE)
    to_the_left = np.zeros((1, 3, 5, 5), np.float32)
    to_the_left[0, 0, 2, 0] = -GAIN
    graph.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(to_the_left, "weight"))
    manifest = tiny_manifest(tile_px=TILE, spread_turns=True)
    bundle = bundle_of(tmp_path, graph.SerializeToString(), manifest)
    manifest["members"] *= 5
    write_manifest(bundle, manifest)
    pixels = np.full((2, TILE, TILE, 3), round(255 * MEAN), np.uint8)
    pixels[1, 10, 20] = 0
    blank, dark = Ensemble(load_bundle(bundle), "cpu")(pixels).transpose(1, 0, 2, 3)
    places = [tuple(np.argwhere(found == found.max())[0].tolist()) for found in dark]
    assert places == [(10, 22), (12, 20), (10, 18), (8, 20), (10, 22)]
    assert np.ptp(blank) < 0.01 < np.ptp(dark)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"batch": 1}, r"input image tensor\(float\) \[1, 3, 32, 32\]"),
        ({"input_name": "pixels"}, "input pixels"),
        ({"output_name": "scores"}, "output scores"),
        ({"classes": 2}, r"output logits tensor\(float\) \['batch', 2, 32, 32\]"),
        ({"size": Size.square(48)}, r"\[.*, 3, 48, 48\], not image"),
    ],
)
def test_a_graph_of_another_signature_is_refused(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    model = tiny_graph(**{"size": SIZE, **change})
    with pytest.raises(BundleError, match=problem):
        Ensemble(load_bundle(bundle_of(tmp_path, model.SerializeToString())), "cpu")


def test_a_graph_of_any_tile_size_is_taken(tmp_path: Path) -> None:
    model = tiny_graph(SIZE)
    for end in (model.graph.input[0], model.graph.output[0]):
        for axis, name in ((2, "rows"), (3, "columns")):
            end.type.tensor_type.shape.dim[axis].dim_param = name
    ensemble = Ensemble(load_bundle(bundle_of(tmp_path, model.SerializeToString())), "cpu")
    assert ensemble(tiles(1)).shape == (1, 1, TILE, TILE)


def test_tiles_may_have_a_width_and_a_height(tmp_path: Path) -> None:
    ensemble = Ensemble(load_bundle(write_tiny_bundle(tmp_path, tile_px=(48, 32))), "cpu")
    pixels = np.full((1, 32, 48, 3), 255, np.uint8)
    pixels[0, 20:, 40:] = 0
    ((found,),) = ensemble(pixels)
    assert found.shape == (32, 48)
    assert (found[22:30, 42:46] > 0.9).all()
    assert (found[:16] < 0.1).all()
    assert ensemble.batch_size == 2**18 // (48 * 32)


@pytest.mark.parametrize("model", [b"", b"no graph at all", tiny_graph(SIZE).SerializeToString()[:-100]])
def test_what_is_no_graph_is_refused(tmp_path: Path, model: bytes) -> None:
    with pytest.raises(BundleError, match=r"model\.onnx cannot be loaded"):
        Ensemble(load_bundle(bundle_of(tmp_path, model)), "cpu")


def test_what_members_say_of_crops_is_what_the_graph_gives(tmp_path: Path) -> None:
    ensemble = CropEnsemble(load_bundle(write_tiny_nuclei(tmp_path, members=2, patch_px=TILE)), "cpu")
    pixels = tiles(3)
    red = pixels[..., 0].reshape(3, TILE // STRIDE, STRIDE, TILE // STRIDE, STRIDE).mean(axis=(2, 4)) / 255
    logits = np.array([GAIN * (DARK - 0.01 * number - red) for number in range(2)])
    judged = ensemble(pixels)
    assert judged.activations == pytest.approx(np.maximum(logits, 0), abs=1e-4)
    assert judged.probabilities == pytest.approx(1 / (1 + np.exp(-logits.max(axis=(2, 3)))), abs=1e-5)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"outputs": ("probability",)}, r"output probability tensor\(float\) \['batch'\], not probability"),
        ({"outputs": ("probability", "activation", "logit")}, r"logit tensor\(float\) \['batch'\], not probability"),
        ({"patch_px": 48}, r"not image"),
    ],
)
def test_a_graph_that_gives_other_than_a_probability_and_a_map_is_refused(
    tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    model = tiny_nuclei_graph(**{"patch_px": TILE, **change})
    with pytest.raises(BundleError, match=problem):
        CropEnsemble(load_bundle(bundle_of(tmp_path, model.SerializeToString(), tiny_nuclei_manifest(TILE))), "cpu")


def test_a_logit_is_no_probability(tmp_path: Path) -> None:
    manifest = tiny_nuclei_manifest(TILE)
    manifest["output"]["probability"] = "logit"
    model = tiny_nuclei_graph(TILE, outputs=("logit", "activation"))
    ensemble = CropEnsemble(load_bundle(bundle_of(tmp_path, model.SerializeToString(), manifest)), "cpu")
    with pytest.raises(BundleError, match="Member 0 of the bundle tiny gives probabilities outside 0 to 1"):
        ensemble(np.zeros((2, TILE, TILE, 3), np.uint8))


def test_logits_that_are_no_numbers_are_an_error(tmp_path: Path) -> None:
    model = tiny_graph(SIZE)
    broken = onnx.numpy_helper.from_array(np.array([np.nan], np.float32), "bias")
    model.graph.initializer[1].CopyFrom(broken)
    ensemble = Ensemble(load_bundle(bundle_of(tmp_path, model.SerializeToString())), "cpu")
    with pytest.raises(BundleError, match="not finite"):
        ensemble(tiles(1))


@pytest.mark.parametrize("listed", [False, True])
def test_cuda_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, listed: bool
) -> None:
    """What counts is what the session says; a warning is due only where the library could have used CUDA."""
    bundle = load_bundle(write_tiny_bundle(tmp_path, tile_px=TILE))
    monkeypatch.setattr(runtime, "cuda_is_listed", lambda: listed)
    monkeypatch.setattr(runtime, "PROVIDERS", {"cpu": ["CPUExecutionProvider"], "cuda": ["CPUExecutionProvider"]})
    with pytest.raises(AlgorithmError, match=r"cannot use CUDA here\..*--device cpu"):
        Ensemble(bundle, "cuda")
    with caplog.at_level(logging.INFO):
        assert Ensemble(bundle, "auto").device == "cpu"
    level = logging.WARNING if listed else logging.INFO
    said = [(record.levelno, record.getMessage()) for record in caplog.records]
    assert said == [(level, "ONNX Runtime cannot use CUDA here: running on the CPU.")]


def test_no_runtime_is_said_with_its_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = load_bundle(write_tiny_bundle(tmp_path, tile_px=TILE))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(AlgorithmError, match=r"not installed\. Install anaphase\[cpu\]"):
        Ensemble(bundle, "cpu")

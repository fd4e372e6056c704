"""Bundles made of runs: the algorithm loads them, they say what the checkpoints say, and nothing half-made stays."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from algorithm.bundle import load_bundle
from algorithm.errors import AlgorithmError, BundleError
from algorithm.runtime import Ensemble
from algorithm.size import Size
from tests.training.drawing import tiny_recipe
from training import export as exporting
from training.bundles.card import Card, read_card
from training.bundles.origin import code_revision
from training.checkpoints import BEST, load_checkpoint, save_checkpoint
from training.export import export, parity_tiles
from training.models.build import build_model
from training.systems.segmentation import TilePredictor


def random_tiles(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def test_two_runs_make_two_members(bundle: Path, runs: list[Path]) -> None:
    manifest = load_bundle(bundle).manifest
    assert [member.held_out for member in manifest.members] == [0, 1]
    assert sorted(path.name for path in bundle.iterdir()) == ["manifest.json", "member_0.onnx", "member_1.onnx"]


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_members_say_what_their_checkpoints_say(bundle: Path, runs: list[Path], batch: int) -> None:
    tiles = random_tiles(batch)
    found = Ensemble(load_bundle(bundle), device="cpu", threads=1).logits(tiles)
    assert found.shape == (2, batch, 32, 32)
    for run, logits in zip(runs, found, strict=True):
        checkpoint = load_checkpoint(run / BEST)
        model = build_model(tiny_recipe().model)
        model.load_state_dict(checkpoint["model"])
        expected = TilePredictor(model, tiny_recipe().input, torch.device("cpu")).logits(tiles)
        assert np.abs(logits - expected[0]).max() <= 1e-3
    assert np.abs(found[0] - found[1]).max() > 1e-2  # the members are no copies


def test_graphs_are_valid_onnx_with_a_free_batch(bundle: Path) -> None:
    graph = onnx.load(bundle / "member_0.onnx")
    onnx.checker.check_model(graph, full_check=True)
    sizes = graph.graph.input[0].type.tensor_type.shape.dim
    assert sizes[0].dim_param
    assert [size.dim_value for size in sizes[1:]] == [3, 32, 32]


def test_without_git_the_revision_is_the_images(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And unknown where there is neither."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_revision() == "unknown"
    monkeypatch.setenv("ANAPHASE_REVISION", "a1b2c3d")
    assert code_revision() == "a1b2c3d"


def test_the_manifest_says_where_the_bundle_comes_from(bundle: Path, runs: list[Path], card: Card) -> None:
    manifest = load_bundle(bundle).manifest
    recipe, provenance = tiny_recipe(), manifest.provenance
    assert (manifest.name, manifest.version, manifest.intended_use) == (card.name, card.version, card.intended_use)
    assert manifest.input == recipe.input
    assert (provenance.recipe, provenance.folds, provenance.datasets) == ("tiny", "2 by slide", card.datasets)
    assert provenance.parity["tiles"] == 64
    assert 0 <= provenance.parity["largest_logit_difference"] <= 1e-3
    assert provenance.tools.keys() >= {"torch", "onnx", "onnxruntime"}
    assert manifest.postprocess.dilation_radius_um == recipe.postprocess.dilation_radius_um


def test_members_say_how_they_did_on_what_they_held_out(bundle: Path, runs: list[Path]) -> None:
    """A fold of slides chose their epochs and thresholds, so it tested none of them."""
    for member, run in zip(load_bundle(bundle).manifest.members, runs, strict=True):
        best = load_checkpoint(run / BEST)["best"]
        assert member.validation is not None
        for key in ("f1", "precision", "recall"):
            assert getattr(member.validation, key) == best[f"validation_{key}"]
        assert (member.validation.epoch, member.validation.threshold) == (best["epoch"], best["threshold"])
        assert member.tested is None


def rewritten(run: Path, folder: Path, fold: int | str, **best: float) -> Path:
    """The run in another folder, with another fold and other figures."""
    checkpoint = load_checkpoint(run / BEST)
    checkpoint["fold"] = fold
    checkpoint["best"] |= best
    folder.mkdir()
    torch.save(checkpoint, folder / BEST)
    return folder


def test_held_out_domains_have_the_scores_of_their_own_test(
    runs: list[Path], card: Card, tmp_path: Path, kept_graphs: Callable[[list[int]], None]
) -> None:
    """The ensemble's threshold is the mean of the members', each from the regions that validated it."""
    kept_graphs([0, 1])
    tested = {"f1": 0.6, "precision": 0.75, "recall": 0.5}
    figures = {f"tested_{key}": value for key, value in tested.items()}
    melanoma = rewritten(runs[0], tmp_path / "one", "human melanoma", threshold=0.9, **figures)
    lymphoma = rewritten(runs[1], tmp_path / "two", "canine lymphoma", threshold=0.55)
    export([melanoma, lymphoma], card, tmp_path / "bundle")
    manifest = load_bundle(tmp_path / "bundle").manifest
    first, second = manifest.members
    assert [first.held_out, second.held_out] == ["human melanoma", "canine lymphoma"]
    assert first.tested is not None
    assert first.tested.model_dump() == tested
    assert second.tested is None
    assert [member.validation.threshold for member in manifest.members if member.validation] == [0.9, 0.55]
    assert manifest.postprocess.threshold == 0.725


def test_a_flipped_byte_is_refused(bundle: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(bundle, tmp_path / "copy")
    content = bytearray((copy / "member_1.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (copy / "member_1.onnx").write_bytes(content)
    with pytest.raises(BundleError, match=r"member_1\.onnx is not the file of the manifest"):
        load_bundle(copy)


def test_graphs_that_differ_are_refused_and_leave_nothing(
    runs: list[Path], card: Card, tmp_path: Path, kept_graphs: Callable[[list[int]], None]
) -> None:
    """The members' graphs, exchanged."""
    kept_graphs([1, 0])
    with pytest.raises(AlgorithmError, match="differ from their checkpoints by"):
        export(runs, card, tmp_path / "bundles" / "new")
    assert list((tmp_path / "bundles").iterdir()) == []


def test_one_run_makes_one_member(
    runs: list[Path], card: Card, tmp_path: Path, kept_graphs: Callable[[list[int]], None]
) -> None:
    kept_graphs([1])
    parity = export(runs[1:], card, tmp_path / "bundles" / "one")
    manifest = json.loads((tmp_path / "bundles" / "one" / "manifest.json").read_text())
    assert [member["held_out"] for member in manifest["members"]] == [1]
    assert manifest["provenance"]["parity"] == parity
    assert parity["weights"] == "float32" and parity["largest_logit_difference"] <= 1e-3
    assert [path.name for path in (tmp_path / "bundles").iterdir()] == ["one"]


def test_weights_are_rounded_once_the_graphs_have_been_compared(
    runs: list[Path], bundle: Path, card: Card, tmp_path: Path
) -> None:
    parity = export(runs[:1], card, tmp_path / "half", weights="float16")
    assert load_bundle(tmp_path / "half").manifest.provenance.parity == parity
    assert parity["weights"] == "float16" and parity["largest_logit_difference"] <= 1e-3
    assert parity["largest_logit_rounding"] > 1e-4 and 1e-5 < parity["largest_probability_rounding"] <= 0.01
    tiles = random_tiles(3)
    half, whole = (Ensemble(load_bundle(folder), device="cpu").logits(tiles) for folder in (tmp_path / "half", bundle))
    assert 1e-6 < np.abs(half[0] - whole[0]).max() <= 0.05


def test_a_network_that_rounding_changes_is_refused(
    runs: list[Path], card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "LARGEST_ROUNDING", 1e-6)
    with pytest.raises(AlgorithmError, match=r"16 bits move a probability by .*, more than"):
        export(runs[:1], card, tmp_path / "bundles" / "half", weights="float16")
    assert list((tmp_path / "bundles").iterdir()) == []


def test_a_failure_on_the_way_leaves_nothing(
    runs: list[Path], card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(model: nn.Module, size: Size, path: Path, output_names: tuple[str, ...], free_step_px: None) -> None:
        path.write_bytes(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(exporting, "write_onnx", fail)
    with pytest.raises(KeyboardInterrupt):
        export(runs, card, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(runs: list[Path], card: Card, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(AlgorithmError, match="is there already"):
        export(runs, card, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    "change", [{"input": {"overlap": 0.25}}, {"model": {"drop_path": 0.0}}, {"optimiser": {"epochs": 1}}]
)
def test_runs_of_two_recipes_are_refused(
    runs: list[Path], card: Card, tmp_path: Path, change: dict[str, dict[str, Any]]
) -> None:
    checkpoint = load_checkpoint(runs[1] / BEST)
    for section, values in change.items():
        checkpoint["recipe"][section].update(values)
    (tmp_path / "other").mkdir()
    torch.save(checkpoint, tmp_path / "other" / BEST)
    with pytest.raises(AlgorithmError, match="other was trained with another recipe than"):
        export([runs[0], tmp_path / "other"], card, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_run_on_normalised_stains_is_refused(runs: list[Path], card: Card, tmp_path: Path) -> None:
    """The algorithm would show its bundle other colours than it was trained on."""
    run = Path(shutil.copytree(runs[0], tmp_path / "run"))
    checkpoint = load_checkpoint(run / BEST)
    checkpoint["recipe"]["stain_normalisation"] = "macenko"
    save_checkpoint(run / BEST, checkpoint)
    with pytest.raises(AlgorithmError, match=r"tiny was trained on normalised stains.*without stain_normalisation"):
        export([run], card, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_run_without_a_checkpoint_is_named(runs: list[Path], card: Card, tmp_path: Path) -> None:
    with pytest.raises(AlgorithmError, match=r"There is no checkpoint .*nowhere"):
        export([runs[0], tmp_path / "nowhere"], card, tmp_path / "bundle")


def test_parity_tiles_are_many_sided_and_the_same_every_time() -> None:
    first, again = list(parity_tiles(Size(48, 32))), list(parity_tiles(Size(48, 32)))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert sum(len(batch) for batch in first) == 64
    assert {batch.shape[1:] for batch in first} == {(32, 48, 3)}
    assert len({len(batch) for batch in first}) > 3
    tiles = np.concatenate(first)
    assert len(np.unique(tiles.reshape(64, -1), axis=0)) == 64
    assert (tiles.min(), tiles.max()) == (0, 255)


def test_a_card_is_read(tmp_path: Path, card: Card) -> None:
    (tmp_path / "card.yaml").write_text(json.dumps(card.model_dump(mode="json")))
    assert read_card(tmp_path / "card.yaml") == card


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (None, "cannot be read"),
        ("", "card.yaml"),
        ("name: [", "is no YAML file"),
        ("{name: a, version: '1', intended_use: b, datasets: []}", "datasets"),
        ("{name: a, version: '1', datasets: [{name: a, licence: b, source: c}]}", "intended_use"),
        ("{nme: a}", "unknown key 'nme'; the nearest valid key is 'name'"),
    ],
)
def test_a_broken_card_is_refused_in_a_sentence(tmp_path: Path, text: str | None, named: str) -> None:
    if text is not None:
        (tmp_path / "card.yaml").write_text(text)
    with pytest.raises(AlgorithmError) as raised:
        read_card(tmp_path / "card.yaml")
    assert named in str(raised.value)
    assert "\n" not in str(raised.value)

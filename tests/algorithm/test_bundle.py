import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from algorithm import bundle as bundles
from algorithm.bundle import (
    Bundle,
    find_bundle,
    find_detection_bundles,
    load_any_bundle,
    load_bundle,
    load_classification_bundle,
    load_second_stage,
)
from algorithm.errors import BundleError
from tests.tiny_boxes import write_tiny_boxes
from tests.tiny_bundle import take_along, write_manifest, write_tiny_bundle
from tests.tiny_classifier import write_tiny_classifier
from tests.tiny_nuclei import write_tiny_nuclei


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / "tiny", members=2)


@pytest.fixture
def typing_folder(tmp_path: Path) -> Path:
    return write_tiny_classifier(tmp_path / "typing", members=2)


def changed(folder: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    write_manifest(folder, manifest)
    return folder


def test_a_whole_bundle_is_read(folder: Path) -> None:
    bundle = load_bundle(folder)
    assert bundle.manifest.name == "tiny"
    assert [bundle.model_path(member, "cpu").name for member in bundle.manifest.members] == [
        "member_0.onnx",
        "member_1.onnx",
    ]


SCORES = {"f1": 0.7, "precision": 0.8, "recall": 0.6}
REFUSED: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda m: m.update(nmae="x"), "unknown key 'nmae'; the nearest valid key is 'name'"),
    (lambda m: m["input"].update(tile=64), "input: unknown key 'tile'; the nearest valid key is 'tile_px'"),
    (lambda m: m["postprocess"].update(dilation_radius_px=9), "the nearest valid key is 'dilation_radius_um'"),
    (lambda m: m["members"][0].update(hash="0"), "members.0: unknown key 'hash'"),
    (lambda m: m["input"].pop("tile_px"), "input.tile_px: Field required"),
    (lambda m: m["input"].update(tile_px=[64]), "input.tile_px: give the side of a square, or a width and a height"),
    (
        lambda m: (m["input"].update(tile_px=[96, 64]), m["postprocess"].update(spread_turns=True)),
        "postprocess.spread_turns is for square tiles, and input.tile_px is 96 x 64",
    ),
    (lambda m: m["input"].update(overlap=1.0), "input.overlap: should be less than 1"),
    (lambda m: m["input"].update(std=[1, 1, 0]), "input.std.2: should be greater than 0"),
    (lambda m: m["postprocess"].update(threshold=float("nan")), "postprocess.threshold: should be a finite number"),
    (lambda m: m["postprocess"].update(lower_threshold=0.6), "lower_threshold 0.6 is above threshold 0.5"),
    (lambda m: m["output"].update(stride=4), "output.stride: should be 1"),
    (lambda m: m.update(schema_version=2), "schema_version: should be 1"),
    (lambda m: m.update(task="clasification"), "task: should be 'detection' or 'classification'"),
    (lambda m: m.update(task="classification"), "unknown key 'detector'; the nearest valid key is"),
    (lambda m: m.update(members=[]), "members: "),
    (lambda m: m["members"][0]["files"].update(cuda=m["members"][0]["files"].pop("any")), "both 'cpu' and 'cuda'"),
    (lambda m: m["members"][0]["files"]["any"].update(file="../member_0.onnx"), "not a plain name"),
    (lambda m: m["members"][0]["files"]["any"].update(sha256="12"), "members.0.files.any.sha256: "),
    (lambda m: m["members"][0].update(held_out=""), "members.0.held_out"),
    (lambda m: m["members"][0].update(tested={"f1": 1.5, "precision": 1, "recall": 1}), "members.0.tested.f1: "),
    (lambda m: m["members"][0].update(validation={**SCORES, "epoch": 3}), "members.0.validation.threshold: Field req"),
]


@pytest.mark.parametrize(("change", "problem"), REFUSED)
def test_what_the_manifest_must_not_say(folder: Path, change: Callable[[dict[str, Any]], Any], problem: str) -> None:
    with pytest.raises(BundleError) as caught:
        load_bundle(changed(folder, change))
    assert problem in caught.value.problem
    assert str(folder / "manifest.json") in caught.value.problem


CLASS_SCORES = {"balanced_accuracy": 0.8, "sensitivity": 0.7, "specificity": 0.9, "auroc": 0.88}
REFUSED_CLASSIFIERS: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda m: m["input"].update(tile_px=64), "input: unknown key 'tile_px'; the nearest valid key is 'patch_px'"),
    (lambda m: m["input"].pop("resolution_um_px"), "input.resolution_um_px: Field required"),
    (lambda m: m["postprocess"].update(temperature=0), "postprocess.temperature: should be greater than 0"),
    (lambda m: m["postprocess"].update(rotations=2), "postprocess.rotations: should be 1 or 4"),
    (lambda m: m["postprocess"].update(vote="soft"), "postprocess.vote: should be 'majority' or 'mean'"),
    (lambda m: m["postprocess"].update(threshold=1.0), "postprocess.threshold: should be less than 1"),
    (lambda m: m["output"].update(classes=["normal"]), "output.classes.0: should be 'atypical'"),
    (lambda m: m.update(members=[]), "members: "),
    (lambda m: m["members"][0].update(tested=SCORES), "members.0.tested: unknown key 'f1'"),
    (lambda m: m["members"][0].update(validation={**CLASS_SCORES, "epoch": 3}), "validation.threshold: Field required"),
]


@pytest.mark.parametrize(("change", "problem"), REFUSED_CLASSIFIERS)
def test_what_the_manifest_of_a_classifier_must_not_say(
    typing_folder: Path, change: Callable[[dict[str, Any]], Any], problem: str
) -> None:
    with pytest.raises(BundleError) as caught:
        load_any_bundle(changed(typing_folder, change))
    assert problem in caught.value.problem


def test_the_members_of_a_classifier_say_how_they_did(typing_folder: Path) -> None:
    said = {"held_out": "ovary", "validation": {**CLASS_SCORES, "epoch": 3, "threshold": 0.5}, "tested": CLASS_SCORES}
    bundle = load_classification_bundle(changed(typing_folder, lambda m: m["members"][1].update(said)))
    assert bundle.manifest.members[1].model_dump(include=set(said)) == said
    assert bundle.model_path(bundle.manifest.members[1], "cuda").name == "member_1.onnx"


def test_a_bundle_of_the_other_task_is_named(folder: Path, typing_folder: Path) -> None:
    with pytest.raises(
        BundleError, match=r"typing is a bundle for classification \(tiny classifier 1\), not for detec"
    ):
        load_bundle(typing_folder)
    with pytest.raises(BundleError, match=r"tiny is a bundle for detection \(tiny 1\), not for classification"):
        load_classification_bundle(folder)


def test_the_released_manifests_are_written_as_they_were_read() -> None:
    released = sorted(bundles.BUNDLES_DIR.glob("*/manifest.json"))
    assert released
    for path in released:
        read = load_any_bundle(path.parent).manifest.model_dump(mode="json")
        assert path.read_text() == json.dumps(read, indent=2) + "\n"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": ' + "[" * 100_000])
def test_what_is_no_manifest(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(BundleError, match=r"manifest\.json"):
        load_bundle(folder)


@pytest.mark.parametrize("name", ["manifest.json", "member_1.onnx"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=name):
        load_bundle(folder)


@pytest.mark.parametrize("place", [0, 0.3, 0.7, 1])
def test_any_flipped_byte_is_seen(folder: Path, place: float) -> None:
    file = folder / "member_1.onnx"
    data = bytearray(file.read_bytes())
    data[round(place * (len(data) - 1))] ^= 1
    file.write_bytes(data)
    with pytest.raises(BundleError, match=r"member_1\.onnx is not the file of the manifest"):
        load_bundle(folder)


@pytest.mark.parametrize("held_out", [3, "canine lymphoma", None])
def test_members_say_what_they_held_out_and_how_they_did_there(folder: Path, held_out: int | str | None) -> None:
    said = {"held_out": held_out, "validation": {**SCORES, "epoch": 3, "threshold": 0.85}, "tested": SCORES}
    member = load_bundle(changed(folder, lambda m: m["members"][1].update(said))).manifest.members[1]
    assert member.model_dump(include=set(said)) == said
    assert type(member.held_out) is type(held_out)


def test_one_graph_a_device(folder: Path) -> None:
    def split(manifest: dict[str, Any]) -> None:
        first, second = (member["files"]["any"] for member in manifest["members"])
        manifest["members"] = [{"files": {"cpu": first, "cuda": second}}]

    bundle: Bundle = load_bundle(changed(folder, split))
    (member,) = bundle.manifest.members
    assert bundle.model_path(member, "cpu").name == "member_0.onnx"
    assert bundle.model_path(member, "cuda").name == "member_1.onnx"


@pytest.fixture
def two_stages(tmp_path: Path) -> Path:
    return take_along(write_tiny_boxes(tmp_path / "both"), write_tiny_nuclei(tmp_path / "judge", members=2))


def test_a_second_stage_is_read_with_its_bundle(two_stages: Path, folder: Path) -> None:
    bundle = load_bundle(two_stages)
    assert bundle.second_stage is not None
    assert bundle.second_stage.path == two_stages / "second_stage"
    assert bundle.second_stage.manifest.detector == "nuclei"
    assert [path.name for path in bundle.files] == ["manifest.json", "member_0.onnx"]
    assert [path.name for path in bundle.second_stage.files] == ["manifest.json", "member_0.onnx", "member_1.onnx"]
    assert (
        json.loads((two_stages / "manifest.json").read_text())["second_stage"]
        == bundle.manifest.model_dump()["second_stage"]
    )
    alone = load_bundle(folder)
    assert alone.second_stage is None
    assert "second_stage" not in alone.manifest.model_dump()


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


INNER_DAMAGE: list[tuple[Callable[[Path], object], str]] = [
    (lambda inner: flipped(inner / "member_1.onnx"), "second_stage/member_1.onnx is not the file of the manifest"),
    (lambda inner: flipped(inner / "manifest.json"), "second_stage/manifest.json is not the file of the manifest"),
    (lambda inner: (inner / "member_0.onnx").unlink(), "second_stage/member_0.onnx is named in the manifest but"),
    (lambda inner: (inner / "manifest.json").unlink(), "second_stage/manifest.json is named in the manifest but"),
    (lambda inner: shutil.rmtree(inner), "second_stage/manifest.json is named in the manifest but cannot be read"),
]


@pytest.mark.parametrize(("spoil", "problem"), INNER_DAMAGE)
def test_a_damaged_second_stage_is_named(two_stages: Path, spoil: Callable[[Path], object], problem: str) -> None:
    spoil(two_stages / "second_stage")
    with pytest.raises(BundleError) as caught:
        load_bundle(two_stages)
    assert problem in caught.value.problem


@pytest.mark.parametrize("name", ["../judge", ".", ""])
def test_a_second_stage_lies_in_its_bundle(two_stages: Path, name: str) -> None:
    with pytest.raises(BundleError, match=r"second_stage\.folder: "):
        load_bundle(changed(two_stages, lambda m: m["second_stage"].update(folder=name)))


def test_what_cannot_be_a_second_stage(two_stages: Path, folder: Path, typing_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="The bundle tiny cannot be a second stage: its detector is boxes"):
        load_second_stage(two_stages)
    with pytest.raises(BundleError, match="is a bundle for classification"):
        load_second_stage(typing_folder)
    nested = take_along(write_tiny_nuclei(tmp_path / "nested"), write_tiny_nuclei(tmp_path / "inner"))
    with pytest.raises(BundleError, match="The bundle tiny cannot be a second stage: it has one itself"):
        load_bundle(take_along(folder, nested))


def test_who_chooses_the_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option, else /opt/ml/model where something is in it, else the default."""
    platform = tmp_path / "model"
    monkeypatch.setattr(bundles, "PLATFORM_MODEL_DIR", platform)
    monkeypatch.setattr(bundles, "BUNDLES_DIR", tmp_path)
    with pytest.raises(BundleError, match="names no bundle for detection"):
        find_bundle(None, "detection")
    (tmp_path / "default.json").write_text('{"detection": "small"}')
    assert find_bundle(None, "detection") == (tmp_path / "small", "default")
    platform.mkdir()
    assert find_bundle(None, "detection") == (tmp_path / "small", "default")
    (platform / "manifest.json").touch()
    assert find_bundle(None, "detection") == (platform, "/opt/ml/model")
    assert find_bundle(tmp_path / "mine", "detection") == (tmp_path / "mine", "option")
    platform.joinpath("manifest.json").unlink()
    with pytest.raises(BundleError, match="names no bundle for classification"):
        find_bundle(None, "classification")


def test_who_chooses_the_bundles_that_detect_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The options, in their order; else all that lie side by side in the platform's folder, by name."""
    platform = tmp_path / "model"
    monkeypatch.setattr(bundles, "PLATFORM_MODEL_DIR", platform)
    monkeypatch.setattr(bundles, "BUNDLES_DIR", tmp_path)
    (tmp_path / "default.json").write_text('{"detection": "small"}')
    mine, other = tmp_path / "mine", tmp_path / "another"
    assert find_detection_bundles([mine, other]) == [(mine, "option"), (other, "option")]
    assert find_detection_bundles([]) == [(tmp_path / "small", "default")]
    for name in ("two", "one", "notes"):
        (platform / name).mkdir(parents=True)
    for name in ("two", "one"):
        (platform / name / "manifest.json").touch()
    assert find_detection_bundles([]) == [(platform / "one", "/opt/ml/model"), (platform / "two", "/opt/ml/model")]
    (platform / "manifest.json").touch()
    assert find_detection_bundles([]) == [(platform, "/opt/ml/model")]  # what lies inside is its second stage

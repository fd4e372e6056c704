"""A model bundle: a folder with manifest.json and an ONNX file for each member, checked before it is used."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ValidationError

from algorithm.boxes_manifest import BoxesManifest
from algorithm.classification_manifest import ClassificationManifest
from algorithm.contract import MODEL_FOLDER
from algorithm.errors import BundleError
from algorithm.manifest import AnyMember, Device, ModelFile, SegmentationManifest, Task
from algorithm.nuclei_manifest import NucleiManifest
from algorithm.settings import first_problem

MANIFEST_FILE = "manifest.json"
PLATFORM_MODEL_DIR = Path(MODEL_FOLDER)
BUNDLES_DIR = Path(__file__).parents[1] / "bundles"
DEFAULTS_FILE = "default.json"
DetectionManifest = SegmentationManifest | BoxesManifest | NucleiManifest
AnyManifest = DetectionManifest | ClassificationManifest
DETECTION_MANIFESTS: dict[str, type[DetectionManifest]] = {
    "segmentation": SegmentationManifest,
    "boxes": BoxesManifest,
    "nuclei": NucleiManifest,
}


@dataclass(frozen=True)
class AnyBundle:
    """A bundle whose files are there and unaltered: the manifest and the folder it lies in."""

    manifest: AnyManifest
    path: Path

    @property
    def files(self) -> list[Path]:
        """The manifest and all ONNX files, but not those of a bundle inside."""
        return [self.path / MANIFEST_FILE, *(self.path / model.file for model in _model_files(self.manifest))]

    def model_path(self, member: AnyMember, device: Device) -> Path:
        """The ONNX file of a member for a device."""
        return self.path / member.file_for(device).file


@dataclass(frozen=True)
class Bundle(AnyBundle):
    """A bundle that detects mitotic figures, in one way or another.

    second_stage: a bundle that judges crops, which looks once more at what this one finds.
    """

    manifest: DetectionManifest
    second_stage: "Bundle | None" = None


@dataclass(frozen=True)
class ClassificationBundle(AnyBundle):
    """A bundle that types mitotic figures."""

    manifest: ClassificationManifest


class FoundBundle(NamedTuple):
    """The folder of a bundle and who chose it: "option", the platform's folder, or "default"."""

    path: Path
    source: str


def find_bundle(option: Path | None, task: Task) -> FoundBundle:
    """The bundle to use for a task: the one given, else the platform's where it holds anything, else the default.

    Raises BundleError where there is no default for the task.
    """
    if option is not None:
        return FoundBundle(option, "option")
    if PLATFORM_MODEL_DIR.is_dir() and any(PLATFORM_MODEL_DIR.iterdir()):
        return FoundBundle(PLATFORM_MODEL_DIR, MODEL_FOLDER)
    defaults = BUNDLES_DIR / DEFAULTS_FILE
    try:
        name = json.loads(defaults.read_text(encoding="utf-8"))[task]
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(f"{defaults} names no bundle for {task}.", "Give one with --bundle.") from error
    return FoundBundle(BUNDLES_DIR / name, "default")


def find_detection_bundles(options: Sequence[Path]) -> list[FoundBundle]:
    """The bundles to detect with together: those given, else the one that `find_bundle` finds.

    In the platform's folder several may lie side by side, each in a folder of its own.
    """
    if options:
        return [FoundBundle(option, "option") for option in options]
    found = find_bundle(None, "detection")
    beside = [] if (found.path / MANIFEST_FILE).exists() else sorted(found.path.glob(f"*/{MANIFEST_FILE}"))
    return [found._replace(path=manifest.parent) for manifest in beside] or [found]


def load_bundle(path: Path) -> Bundle:
    """A detection bundle; BundleError as `load_any_bundle`, and for a bundle that does something else."""
    bundle = load_any_bundle(path)
    if not isinstance(bundle, Bundle):
        raise _other_task(bundle, "detection")
    return bundle


def load_second_stage(path: Path) -> Bundle:
    """A bundle that can be a second stage; BundleError as `load_bundle`, and for one that judges no crops."""
    bundle = load_bundle(path)
    manifest = bundle.manifest
    if not isinstance(manifest, NucleiManifest):
        raise BundleError(
            f"The bundle {manifest.name} cannot be a second stage: its detector is {manifest.detector}.",
            "Give one that judges crops (detector: nuclei).",
        )
    if bundle.second_stage is not None:
        raise BundleError(
            f"The bundle {manifest.name} cannot be a second stage: it has one itself.", "Give one without."
        )
    return bundle


def load_classification_bundle(path: Path) -> ClassificationBundle:
    """A classification bundle; BundleError as `load_any_bundle`, and for a bundle that does something else."""
    bundle = load_any_bundle(path)
    if not isinstance(bundle, ClassificationBundle):
        raise _other_task(bundle, "classification")
    return bundle


def load_any_bundle(path: Path) -> Bundle | ClassificationBundle:
    """Read a bundle's manifest and compare every file with its hash, before any of them is used; a second stage's too.

    Raises BundleError for a missing or unreadable file, an unknown key (naming the nearest valid one), a setting out of
    range and a file that is not the one the manifest was written for.
    """
    manifest = _read_manifest(path / MANIFEST_FILE)
    for model in _model_files(manifest):
        _check_hash(path / model.file, model.sha256)
    if isinstance(manifest, ClassificationManifest):
        return ClassificationBundle(manifest, path)
    inner = manifest.second_stage
    if inner is None:
        return Bundle(manifest, path)
    _check_hash(path / inner.folder / MANIFEST_FILE, inner.sha256)
    return Bundle(manifest, path, load_second_stage(path / inner.folder))


class _Kind(BaseModel):
    """The keys that say which kind of manifest it is; the others are not looked at."""

    task: Task = "detection"
    detector: Literal["segmentation", "boxes", "nuclei"] = "segmentation"

    @property
    def manifest(self) -> type[AnyManifest]:
        return ClassificationManifest if self.task == "classification" else DETECTION_MANIFESTS[self.detector]


def _read_manifest(path: Path) -> AnyManifest:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(
            f"{path} cannot be read ({type(error).__name__}).",
            f"Give a folder with {MANIFEST_FILE} and its ONNX files, as `python -m training export` writes it.",
        ) from error
    try:
        return _Kind.model_validate_json(text).manifest.model_validate_json(text)
    except ValidationError as error:
        raise BundleError(f"{path}: {first_problem(error)}.", "Correct the manifest or export it again.") from error


def _other_task(bundle: AnyBundle, task: Task) -> BundleError:
    found = bundle.manifest
    return BundleError(
        f"{bundle.path} is a bundle for {found.task} ({found.name} {found.version}), not for {task}.",
        f"Give one for {task}.",
    )


def _model_files(manifest: AnyManifest) -> Iterator[ModelFile]:
    for member in manifest.members:
        yield from member.files.values()


def _check_hash(path: Path, expected: str) -> None:
    again = "Fetch or export the bundle again."
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BundleError(f"{path} is named in the manifest but cannot be read ({error.strerror}).", again) from error
    if found != expected:
        raise BundleError(f"{path} is not the file of the manifest: its SHA-256 is {found}, not {expected}.", again)

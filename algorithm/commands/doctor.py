"""`doctor`: what is installed, which device is really used, which bundles are sound; a fix for whatever is not."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from algorithm import detectors
from algorithm.bundle import (
    BUNDLES_DIR,
    MANIFEST_FILE,
    AnyBundle,
    Bundle,
    ClassificationBundle,
    find_bundle,
    find_detection_bundles,
    load_any_bundle,
    load_bundle,
    load_classification_bundle,
)
from algorithm.classifier import Classifier
from algorithm.commands.console import say, say_json
from algorithm.detectors import Detector
from algorithm.errors import AlgorithmError
from algorithm.manifest import Task
from algorithm.writers.versions import RUNTIMES, installed, versions

DRIVER = Path("/proc/driver/nvidia/version")
"""Present where the NVIDIA driver is loaded."""
LOADERS: dict[Task, Callable[[Path], AnyBundle]] = {
    "detection": load_bundle,
    "classification": load_classification_bundle,
}
RUNTIME_FIX = 'pip install "anaphase[cpu]", or "anaphase[gpu]" on a machine with an NVIDIA GPU.'


@dataclass(frozen=True)
class Finding:
    """One thing looked at, whether it is as it should be, and what to do where it is not."""

    subject: str
    status: Literal["ok", "warning", "failed"]
    finding: str
    fix: str = ""


Checked = tuple[Finding, AnyBundle | None]
"""What was found of a bundle, and the bundle where it is sound."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("doctor", help="check the installation, the device and the bundles")
    parser.add_argument(
        "--bundle",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="folder of a model bundle to check; may be given several times",
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print every finding; returns 1 if any of them has failed."""
    findings = [check_versions(), check_runtime(), *check_shipped_bundles()]
    in_use, bundles = check_bundles_in_use(arguments.bundle)
    findings += [*in_use, *map(check_device, bundles)]
    if arguments.json:
        say_json({"findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            say(f"{finding.status:8}{finding.subject}: {finding.finding}")
            if finding.fix:
                say(f"{'':8}fix: {finding.fix}")
    return int(any(finding.status == "failed" for finding in findings))


def check_versions() -> Finding:
    """What is at work here."""
    return Finding("versions", "ok", ", ".join(f"{name} {number}" for name, number in versions().items()))


def check_runtime() -> Finding:
    """Exactly one ONNX Runtime: the two distributions overwrite each other's files."""
    found = [f"{name} {number}" for name in RUNTIMES if (number := installed(name))]
    if len(found) == 1:
        return Finding("runtime", "ok", found[0])
    if not found:
        return Finding("runtime", "failed", "ONNX Runtime is not installed.", RUNTIME_FIX)
    fix = f"pip uninstall {' '.join(RUNTIMES)}, then {RUNTIME_FIX}"
    return Finding("runtime", "failed", f"{' and '.join(found)} are both installed and damage each other.", fix)


def check_shipped_bundles() -> list[Finding]:
    """The bundles that come with the project."""
    paths = sorted(manifest.parent for manifest in BUNDLES_DIR.glob(f"*/{MANIFEST_FILE}"))
    return [_check_bundle(f"bundle {path.name}", path, load_any_bundle)[0] for path in paths]


def check_bundles_in_use(options: Sequence[Path]) -> tuple[list[Finding], list[AnyBundle]]:
    """The bundles given, else those that `detect` and `classify` would use; and which of them to open on the device.

    Those given are all opened, else the sound ones of one task. An installation that does one of the tasks alone is
    sound, and what it lacks for the other a warning.
    """
    if options:
        checked = [_check_bundle("bundle in use (option)", option, load_any_bundle) for option in options]
        return _parted(checked)
    tasks = [_parted(_check_defaults(task)) for task in LOADERS]
    sound = next((bundles for _, bundles in tasks if bundles), [])
    findings = []
    for found, bundles in tasks:
        findings += found if bundles or not sound else [replace(finding, status="warning") for finding in found]
    return findings, sound


def _parted(checked: list[Checked]) -> tuple[list[Finding], list[AnyBundle]]:
    return [finding for finding, _ in checked], [bundle for _, bundle in checked if bundle is not None]


def _check_defaults(task: Task) -> list[Checked]:
    try:
        found = find_detection_bundles([]) if task == "detection" else [find_bundle(None, task)]
    except AlgorithmError as error:
        return [(Finding(f"bundle in use for {task}", "failed", error.problem, error.fix), None)]
    return [_check_bundle(f"bundle in use for {task} ({source})", path, LOADERS[task]) for path, source in found]


def _check_bundle(subject: str, path: Path, load: Callable[[Path], AnyBundle]) -> Checked:
    try:
        bundle = load(path)
    except AlgorithmError as error:
        return Finding(subject, "failed", error.problem, error.fix), None
    manifest = bundle.manifest
    sizes = f"{manifest.task}, ensemble of {len(manifest.members)}"
    if isinstance(bundle, Bundle) and bundle.second_stage is not None:
        sizes += f", second stage {bundle.second_stage.manifest.name} {bundle.second_stage.manifest.version}"
    return Finding(subject, "ok", f"{manifest.name} {manifest.version}, {sizes}, in {path}"), bundle


def check_device(bundle: AnyBundle) -> Finding:
    """The device on which the bundle's sessions say they run, whatever was hoped for."""
    try:
        ensemble = _opened(bundle)
    except AlgorithmError as error:
        return Finding("device", "failed", error.problem, error.fix)
    used = f"{ensemble.device} ({', '.join(ensemble.providers)})"
    if ensemble.device == "cpu" and DRIVER.exists():
        fix = 'Install "anaphase[gpu]" instead of "anaphase[cpu]", or give the container the GPU (--gpus all).'
        return Finding("device", "warning", f"{used}, though this machine has an NVIDIA driver", fix)
    return Finding("device", "ok", used)


def _opened(bundle: AnyBundle) -> Detector | Classifier:
    if isinstance(bundle, ClassificationBundle):
        return Classifier(bundle, "auto")
    if isinstance(bundle, Bundle):
        return detectors.load(bundle, "auto")
    raise TypeError(f"{type(bundle).__name__} is neither kind of bundle")

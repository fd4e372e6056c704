"""`doctor`: what is installed, which device is really used, which bundles are sound; a fix for whatever is not."""

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from algorithm.bundle import BUNDLES_DIR, MANIFEST_FILE, Bundle, find_bundle, load_bundle
from algorithm.commands.console import say, say_json
from algorithm.errors import AlgorithmError
from algorithm.runtime import Ensemble
from algorithm.writers.versions import RUNTIMES, installed, versions

DRIVER = Path("/proc/driver/nvidia/version")
"""Present where the NVIDIA driver is loaded."""
RUNTIME_FIX = 'pip install "anaphase[cpu]", or "anaphase[gpu]" on a machine with an NVIDIA GPU.'


@dataclass(frozen=True)
class Finding:
    """One thing looked at, whether it is as it should be, and what to do where it is not."""

    subject: str
    status: Literal["ok", "warning", "failed"]
    finding: str
    fix: str = ""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its arguments."""
    parser = commands.add_parser("doctor", help="check the installation, the device and the bundles")
    parser.add_argument("--bundle", type=Path, metavar="PATH", help="folder of a model bundle to check")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print every finding; returns 1 if any of them has failed."""
    findings = [check_versions(), check_runtime(), *check_shipped_bundles()]
    in_use, bundle = check_bundle_in_use(arguments.bundle)
    findings += [in_use] if bundle is None else [in_use, check_device(bundle)]
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
    return [_check_bundle(f"bundle {path.name}", path)[0] for path in paths]


def check_bundle_in_use(option: Path | None) -> tuple[Finding, Bundle | None]:
    """The bundle that `detect` would use, and the bundle itself where it is sound."""
    try:
        path, chosen_by = find_bundle(option, "detection")
    except AlgorithmError as error:
        return Finding("bundle in use", "failed", error.problem, error.fix), None
    return _check_bundle(f"bundle in use ({chosen_by})", path)


def _check_bundle(subject: str, path: Path) -> tuple[Finding, Bundle | None]:
    try:
        bundle = load_bundle(path)
    except AlgorithmError as error:
        return Finding(subject, "failed", error.problem, error.fix), None
    manifest = bundle.manifest
    sizes = f"{manifest.task}, ensemble of {len(manifest.members)}"
    return Finding(subject, "ok", f"{manifest.name} {manifest.version}, {sizes}, in {path}"), bundle


def check_device(bundle: Bundle) -> Finding:
    """The device on which the bundle's sessions say they run, whatever was hoped for."""
    try:
        ensemble = Ensemble(bundle, "auto")
    except AlgorithmError as error:
        return Finding("device", "failed", error.problem, error.fix)
    used = f"{ensemble.device} ({', '.join(ensemble.providers)})"
    if ensemble.device == "cpu" and DRIVER.exists():
        fix = 'Install "anaphase[gpu]" instead of "anaphase[cpu]", or give the container the GPU (--gpus all).'
        return Finding("device", "warning", f"{used}, though this machine has an NVIDIA driver", fix)
    return Finding("device", "ok", used)

"""An image holds the default bundles of the tasks it is built for, and no others."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("finds", "types", "older"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").touch()
    (tmp_path / "default.json").write_text(json.dumps({"detection": "finds", "classification": "types"}))
    shutil.copy(ROOT / "bundles" / "keep.py", tmp_path)
    return tmp_path


def keep(folder: Path, *tasks: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(folder / "keep.py"), *tasks], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("tasks", "kept"),
    [
        (["detection"], {"detection": "finds"}),
        (["classification"], {"classification": "types"}),
        (["detection", "classification"], {"detection": "finds", "classification": "types"}),
    ],
)
def test_the_bundles_of_the_tasks_stay(folder: Path, tasks: list[str], kept: dict[str, str]) -> None:
    assert keep(folder, *tasks).returncode == 0
    assert json.loads((folder / "default.json").read_text()) == kept
    assert {path.name for path in folder.iterdir() if path.is_dir()} == set(kept.values())


def test_a_task_that_has_no_bundle_yet_keeps_the_others(folder: Path) -> None:
    (folder / "default.json").write_text('{"detection": "finds"}')
    assert keep(folder, "detection", "classification").returncode == 0
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {"finds"}


@pytest.mark.parametrize("tasks", [[], ["segmentation"]])
def test_no_bundle_at_all_is_an_error_that_removes_nothing(folder: Path, tasks: list[str]) -> None:
    ended = keep(folder, *tasks)
    assert ended.returncode == 1
    assert "names no bundle for" in ended.stderr
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 3

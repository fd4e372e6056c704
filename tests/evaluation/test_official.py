"""The container's entry: metrics.json whole or not at all, a line per problem, and the exit codes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evaluation import submission
from evaluation.__main__ import main
from evaluation.commands import official
from tests.evaluation.submissions import Submission, document, lay, region

ROOT = Path(__file__).parents[2]
REGIONS = Submission(
    {f"{letter}.tiff": region([(0.1, 0.1)]) for letter in "abc"},
    {f"{letter}.tiff": document([(0.1, 0.1, True, 0.9)]) for letter in "abc"},
)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A submission with its ground truth, and an empty folder for the output."""
    given, output = tmp_path / "input", tmp_path / "output"
    given.mkdir()
    output.mkdir()
    lay(given, REGIONS)
    return given, output


def words(folders: tuple[Path, Path]) -> list[str]:
    given, output = map(str, folders)
    return ["--input", given, "--ground-truth", given, "--output", output]


def test_the_platform_s_places_are_the_defaults() -> None:
    assert str(official.INPUT_FOLDER) == "/input"
    assert str(official.OUTPUT_FOLDER) == "/output"
    assert str(official.GROUND_TRUTH) == "/opt/ml/input/data/ground_truth/ground_truth.json"


def test_a_submission_is_scored(folders: tuple[Path, Path], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(words(folders)) == 0
    assert [path.name for path in folders[1].iterdir()] == ["metrics.json"]
    metrics = json.loads((folders[1] / "metrics.json").read_text())
    assert list(metrics) == ["results", "aggregates"]
    assert metrics["aggregates"]["f1_score"] == 1
    out, err = capfd.readouterr()
    assert out == f"{folders[1] / 'metrics.json'}\n"
    assert err == "note: Track 1, jobs: 3.\n"


def test_the_ground_truth_may_be_named_itself(folders: tuple[Path, Path]) -> None:
    given, output = map(str, folders)
    assert main(["--input", given, "--ground-truth", f"{given}/ground_truth.json", "--output", output]) == 0


def test_problems_are_lines_and_nothing_is_written(
    folders: tuple[Path, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    for number in (0, 2):
        (folders[0] / f"job-{number}" / "output" / "mitotic-figures.json").write_text("{}")
    assert main(words(folders)) == 1
    assert list(folders[1].iterdir()) == []
    out, err = capfd.readouterr()
    assert out == ""
    assert [line.split(" (")[0] for line in err.splitlines()] == ["error: job job-0", "error: job job-2"]


def test_what_an_earlier_run_wrote_stays(folders: tuple[Path, Path]) -> None:
    (folders[1] / "metrics.json").write_text("earlier")
    (folders[0] / "predictions.json").unlink()
    assert main(words(folders)) == 1
    assert (folders[1] / "metrics.json").read_text() == "earlier"


def test_an_output_that_is_no_folder_is_refused_first(
    folders: tuple[Path, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    folders[1].rmdir()
    assert main(words(folders)) == 1
    assert "is no folder to write metrics.json to" in capfd.readouterr().err


def test_wrong_usage_is_exit_code_2(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--inputs-folder", "x"])
    assert ended.value.code == 2
    assert "usage: python -m evaluation" in capfd.readouterr().err


@pytest.mark.parametrize("moment", ["reading", "writing"])
def test_sigterm_leaves_nothing_behind(
    moment: str, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    if moment == "writing":
        monkeypatch.setattr(os, "fsync", kill)
    else:
        monkeypatch.setattr(submission, "read_points", kill)
    with pytest.raises(SystemExit) as ended:
        main(words(folders))
    assert ended.value.code == 128 + signal.SIGTERM
    assert list(folders[1].iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) == before


def test_the_order_of_the_jobs_leaves_the_bytes_as_they_are(folders: tuple[Path, Path]) -> None:
    main(words(folders))
    before = (folders[1] / "metrics.json").read_bytes()
    path = folders[0] / "predictions.json"
    path.write_text(json.dumps(json.loads(path.read_text())[::-1]))
    main(words(folders))
    assert (folders[1] / "metrics.json").read_bytes() == before


def test_the_module_runs_as_the_container_starts_it(folders: tuple[Path, Path]) -> None:
    done = subprocess.run([sys.executable, "-m", "evaluation", *words(folders)], cwd=ROOT, check=False)
    assert done.returncode == 0
    assert (folders[1] / "metrics.json").exists()

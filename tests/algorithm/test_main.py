"""The command line answers wrong usage with exit code 2, and every command explains itself."""

import subprocess
import sys

import pytest

from algorithm.__main__ import main

WRONG = (
    [],
    ["find"],
    ["detect", "region.tiff"],
    ["detect", "--output", "results"],
    ["detect", "region.tiff", "--output", "results", "--overlap", "1"],
    ["detect", "region.tiff", "--output", "results", "--overlap", "nan"],
    ["detect", "region.tiff", "--output", "results", "--threshold", "0"],
    ["detect", "region.tiff", "--output", "results", "--threshold", "half"],
    ["detect", "region.tiff", "--output", "results", "--spacing-um", "-0.25"],
    ["detect", "region.tiff", "--output", "results", "--spacing-um", "inf"],
    ["detect", "region.tiff", "--output", "results", "--device", "tpu"],
    ["validate"],
)


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_wrong_usage_is_exit_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: python -m algorithm" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["detect", "validate", "doctor"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: python -m algorithm {command}" in capsys.readouterr().out


def test_the_module_runs() -> None:
    ended = subprocess.run([sys.executable, "-m", "algorithm", "--version"], capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("anaphase ")

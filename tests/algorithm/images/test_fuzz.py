"""Mutated files are read or refused; the reader neither hangs, nor dies, nor raises anything else.

ANAPHASE_FUZZ_RUNS sets how many (200 if unset), ANAPHASE_FUZZ_SEED which.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

RUNS = int(os.environ.get("ANAPHASE_FUZZ_RUNS", "200"))
SEED = int(os.environ.get("ANAPHASE_FUZZ_SEED", "1"))


@pytest.mark.timeout(60 + RUNS)
def test_mutants_are_read_or_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.algorithm.images.fuzz_decoder"]
    done = subprocess.run([*command, str(tmp_path), str(RUNS), str(SEED)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"exit {done.returncode} on {tmp_path / 'mutant'}:\n{done.stderr}"
    assert done.stderr == ""  # decoders that print would drown the one line of the error
    read, refused = map(int, done.stdout.split())
    assert read + refused == RUNS
    assert refused > RUNS // 4
    assert read > RUNS // 20

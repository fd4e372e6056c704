"""What tests of every package share."""

import os
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).parents[1]

# Examples are not timed; in CI they are the same in every run.
hypothesis.settings.register_profile("anaphase", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("anaphase")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data, ANAPHASE_DATA or ../shared/data; a skip where it is absent, a failure in CI."""
    folder = Path(os.environ.get("ANAPHASE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        reason = f"no data at {folder}; set ANAPHASE_DATA to the folder that holds AMi-Br, MIDOGpp, slides and tissue"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder

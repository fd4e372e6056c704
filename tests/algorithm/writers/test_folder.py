"""The folder of an image's results appears whole or not at all, and never takes foreign files with it."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from algorithm.errors import AlgorithmError
from algorithm.writers.folder import DETECTION_FILES, replaced, require_replaceable, require_writable


def fill(folder: Path, content: str) -> None:
    for name in DETECTION_FILES:
        (folder / name).write_text(content)


def test_a_folder_appears_when_it_is_complete(tmp_path: Path) -> None:
    folder = tmp_path / "region"
    with replaced(folder) as partial:
        fill(partial, "new")
        assert not folder.exists()
    assert sorted(path.name for path in folder.iterdir()) == sorted(DETECTION_FILES)
    assert list(tmp_path.iterdir()) == [folder]


def test_earlier_results_are_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "region"
    for content in ("old", "new"):
        require_replaceable(folder, DETECTION_FILES)
        with replaced(folder) as partial:
            fill(partial, content)
    assert {path.read_text() for path in folder.iterdir()} == {"new"}
    assert list(tmp_path.iterdir()) == [folder]


def test_an_error_while_writing_leaves_the_earlier_results(tmp_path: Path) -> None:
    folder = tmp_path / "region"
    with replaced(folder) as partial:
        fill(partial, "old")
    with pytest.raises(AlgorithmError, match="No space left"), replaced(folder) as partial:
        fill(partial, "new")
        raise OSError(28, "No space left on device")
    assert {path.read_text() for path in folder.iterdir()} == {"old"}
    assert list(tmp_path.iterdir()) == [folder]


def test_foreign_files_are_not_replaced(tmp_path: Path) -> None:
    fill(tmp_path, "old")
    require_replaceable(tmp_path, DETECTION_FILES)
    (tmp_path / "my-annotations.geojson").touch()
    with pytest.raises(AlgorithmError, match=r"my-annotations\.geojson lies there already"):
        require_replaceable(tmp_path, DETECTION_FILES)


def test_a_file_in_the_place_of_the_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "region").touch()
    with pytest.raises(AlgorithmError, match="region lies there already"):
        require_replaceable(tmp_path / "region", DETECTION_FILES)


def test_a_place_that_takes_no_files_is_named(tmp_path: Path) -> None:
    (tmp_path / "output").touch()
    for folder in (tmp_path / "output", tmp_path / "output" / "deeper"):
        with pytest.raises(AlgorithmError, match="cannot be written: "):
            require_writable(folder)


def test_a_writable_place_is_made_and_left_empty(tmp_path: Path) -> None:
    require_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


KEEP_WRITING = """
import shutil, sys
from pathlib import Path
from algorithm.writers.folder import DETECTION_FILES, replaced
folder = Path(sys.argv[1])
print("ready", flush=True)
while True:
    with replaced(folder) as partial:
        for name in DETECTION_FILES:
            (partial / name).write_text("x" * 100_000)
    shutil.rmtree(folder.rename(folder.with_name("done")))
"""


def test_a_killed_writer_leaves_the_whole_folder_or_none(tmp_path: Path) -> None:
    folder = tmp_path / "region"
    for attempt in range(20):
        writer = subprocess.Popen([sys.executable, "-c", KEEP_WRITING, str(folder)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(0.002 * attempt)
        writer.kill()
        writer.communicate()
        if folder.exists():
            assert {path.name: path.stat().st_size for path in folder.iterdir()} == dict.fromkeys(
                DETECTION_FILES, 100_000
            )

"""The progress bar tells tiles and mm2 on a terminal, and is silent elsewhere."""

import io

import pytest

from algorithm.commands.console import progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_counts_tiles_and_area_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress_bar("region.tiff") as progress:
        progress(30, 120, 0.125, 0.5)
    assert "region.tiff" in terminal.getvalue()
    assert "30/120 tiles" in terminal.getvalue()
    assert "0.12/0.50 mm2" in terminal.getvalue()


def test_nothing_is_written_where_stderr_is_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with progress_bar("region.tiff") as progress:
        progress(30, 120, 0.125, 0.5)
    assert capfd.readouterr() == ("", "")

"""Progress bars tell tiles and mm2, and whatever else is counted, on a terminal, and are silent elsewhere."""

import io

import pytest

from algorithm.commands.console import counting_bar, progress_bars


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal_of(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    found = Terminal()
    monkeypatch.setattr("sys.stderr", found)
    return found


def test_the_bar_counts_tiles_and_area_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)
    with progress_bars("region.tiff") as (tiles, _):
        tiles(30, 120, 0.125, 0.5)
    assert "region.tiff" in terminal.getvalue()
    assert "30/120 tiles 0.12/0.50 mm2" in terminal.getvalue()
    assert "detections" not in terminal.getvalue()


def test_detections_are_counted_once_they_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)
    with progress_bars("region.tiff") as (tiles, judging):
        tiles(120, 120, 0.5, 0.5)
        judging(7, 40)
    assert "7/40 detections" in terminal.getvalue()


def test_other_things_are_counted_by_their_name(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)
    with counting_bar("region.tiff", 8) as progress:
        progress(3)
    assert "3/8 figures" in terminal.getvalue()


def test_nothing_is_written_where_stderr_is_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with progress_bars("region.tiff") as (tiles, judging):
        tiles(30, 120, 0.125, 0.5)
        judging(7, 40)
    assert capfd.readouterr() == ("", "")

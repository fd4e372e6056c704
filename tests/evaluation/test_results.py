"""Which file answers which image, and what is said where none or two do."""

from pathlib import Path

import pytest

from evaluation.errors import EvaluationError
from evaluation.output_folder import require_replaceable, write_folder
from evaluation.results import find_results

FILE = "mitotic-figures.json"


def lay(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")
    return folder


def test_both_layouts_are_found(tmp_path: Path) -> None:
    found = find_results(lay(tmp_path, f"a.b/{FILE}", "c.json", "a.b/run.json"), ["c.tiff", "a.b.tiff"], FILE)
    assert found.files == {"c.tiff": tmp_path / "c.json", "a.b.tiff": tmp_path / "a.b" / FILE}
    assert found.ignored == []


def test_what_is_of_no_image_is_told(tmp_path: Path) -> None:
    found = find_results(lay(tmp_path, f"a/{FILE}", "other.json", f"b/{FILE}"), ["a.tiff"], FILE)
    assert found.ignored == [tmp_path / "b" / FILE, tmp_path / "other.json"]


def test_images_without_a_result_are_named(tmp_path: Path) -> None:
    lay(tmp_path, "a.json")
    with pytest.raises(EvaluationError, match=r"no result for 2 of 3 images: b\.tiff, c\.tiff\."):
        find_results(tmp_path, ["a.tiff", "b.tiff", "c.tiff"], FILE)
    found = find_results(tmp_path, ["a.tiff", "b.tiff", "c.tiff"], FILE, only_answered=True)
    assert list(found.files) == ["a.tiff"]


def test_many_names_are_counted(tmp_path: Path) -> None:
    lay(tmp_path, "0.json")
    with pytest.raises(EvaluationError, match=r"1\.tiff, .*, 10\.tiff and 5 more"):
        find_results(tmp_path, [f"{number}.tiff" for number in range(16)], FILE)


@pytest.mark.parametrize("only_answered", [True, False])
def test_no_result_at_all_is_an_error(tmp_path: Path, only_answered: bool) -> None:
    with pytest.raises(EvaluationError, match="no result of any of the 1 images"):
        find_results(lay(tmp_path, "other.json"), ["a.tiff"], FILE, only_answered)
    with pytest.raises(EvaluationError, match="no folder of results"):
        find_results(tmp_path / "none", ["a.tiff"], FILE, only_answered)


def test_two_results_of_an_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="a folder and a file for a: "):
        find_results(lay(tmp_path, f"a/{FILE}", "a.json"), ["a.tiff"], FILE)


def test_two_images_of_one_stem_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="several images of one stem: a"):
        find_results(lay(tmp_path, "a.json"), ["a.tiff", "a.mha"], FILE)


def test_a_folder_appears_whole_and_replaces_the_last_one(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    write_folder(folder, {"one": "1", "two": "2"})
    write_folder(folder, {"one": "3", "two": "µ"})
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == {"one": "3", "two": "µ"}
    assert [path.name for path in folder.parent.iterdir()] == ["out"]


def test_nobody_elses_files_are_replaced(tmp_path: Path) -> None:
    lay(tmp_path, "out/thesis.docx")
    with pytest.raises(EvaluationError, match=r"thesis\.docx lies there already"):
        write_folder(tmp_path / "out", {"one": "1"})
    with pytest.raises(EvaluationError, match=r"thesis\.docx lies there already"):
        require_replaceable(tmp_path / "out" / "thesis.docx", ("one",))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(EvaluationError, match="No space left on device"):
        write_folder(tmp_path / "out", {"one": "1"})
    assert list(tmp_path.iterdir()) == []

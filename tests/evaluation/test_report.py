"""What stands in the pages, and that names are only ever names there."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from evaluation.__main__ import main
from evaluation.wording import counted, number, signed
from tests.evaluation.drawn import draw_classification, draw_detection

NAUGHTY = '<script>alert("1")</script> & $x$'
DRAW = {"detection": draw_detection, "classification": draw_classification}
VOID = {"meta", "link", "br", "path", "use", "rect", "circle"}


class Outline(HTMLParser):
    """Elements, ids and addresses of a page, and whether every element is closed where it should be."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.references: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in ("src", "href", "xlink:href") and value:
                self.addresses.append(value)
            if name in ("aria-labelledby", "aria-describedby") and value:
                self.references += value.split()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(params=["detection", "classification"])
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def page(task: str, folder: Path, *more: str) -> str:
    words = ["--predictions", folder / "good", "--ground-truth", folder / "truth.csv", "--output", folder / "out"]
    assert main([task, *map(str, words), *more]) == 0
    return (folder / "out" / "report.html").read_text(encoding="utf-8")


def test_a_page_is_whole_and_alone(task: str, tmp_path: Path) -> None:
    DRAW[task](tmp_path, cases=24)
    text = page(task, tmp_path, "--against", str(tmp_path / "worse"))
    outline = Outline(text)
    assert outline.open == []
    assert len(set(outline.ids)) == len(outline.ids)
    assert set(outline.references) <= set(outline.ids)
    assert outline.elements.count("svg") == (4 if task == "detection" else 3)
    assert outline.elements.count("title") == 1 + outline.elements.count("svg")
    assert not {"script", "img", "iframe"} & set(outline.elements)
    assert all(address.startswith(("#", "data:,")) for address in outline.addresses)
    assert "url(http" not in text
    assert "@import" not in text
    assert "For research use only" in text


def test_parts_of_charts_refer_to_themselves(task: str, tmp_path: Path) -> None:
    text = page(task, DRAW[task](tmp_path, cases=4))
    ids = set(Outline(text).ids)
    used = set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'xlink:href="#([^"]+)"', text))
    assert used
    assert used <= ids


def test_names_are_only_names(task: str, tmp_path: Path) -> None:
    """As image, domain and folder: nothing of them becomes an element, and no dollar sign a formula."""
    DRAW[task](tmp_path, cases=4, domains=(NAUGHTY.replace('"', ""), "<b>$x$"))
    truth = (tmp_path / "truth.csv").read_text().replace("001.tiff", "<script>.tiff")
    (tmp_path / "truth.csv").write_text(truth)
    (tmp_path / "good" / "001").rename(tmp_path / "good" / "<script>")
    outline = Outline(text := page(task, tmp_path))
    assert not {"script", "b"} & set(outline.elements)
    assert "&lt;script&gt;.tiff" in text
    assert "&amp; $x$" in text
    assert "&lt;b&gt;$x$</text>" in text


def test_the_figures_stand_in_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = page("detection", draw_detection(tmp_path, cases=8), "--against", str(tmp_path / "worse"))
    table = capsys.readouterr().out
    for value in re.findall(r"│ (?:F1|Precision|Recall) +│ (\d\.\d+) \((\d\.\d+) to (\d\.\d+)\)", table):
        assert value[0] in text
        assert f"{value[1]} to {value[2]}" in text
    assert "chosen on the very cases it is measured on" in text
    assert "Compared with worse" in text


def test_without_another_system_nothing_is_compared(task: str, tmp_path: Path) -> None:
    assert "Compared with" not in page(task, DRAW[task](tmp_path, cases=4))


def test_the_rest_of_many_cases_is_folded(tmp_path: Path) -> None:
    text = page("detection", draw_detection(tmp_path, cases=23))
    assert "The other 3 cases" in text
    assert "<details>" not in page("detection", draw_detection(tmp_path, cases=20))


def test_a_case_without_anything_has_a_page(tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text("image,x_mm,y_mm\na.tiff,,\n")
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "a.json").write_text(
        '{"name": "Points of interest", "type": "Multiple points", "points": [], "version": {"major": 1, "minor": 0}}'
    )
    text = page("detection", tmp_path)
    assert "1 case with 0 mitotic figures" in text
    assert "No threshold finds a mitotic figure" in text


def test_one_class_alone_has_a_page(tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text("image,index,label\na.tiff,0,normal\n")
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "a.json").write_text('[{"class": "normal", "confidence": 1.5}]')
    text = page("classification", tmp_path)
    assert "no ROC curve" in text
    assert "no reliability diagram" in text


def test_how_figures_are_written() -> None:
    assert [number(0.12345), number(None), number(7.6, 2)] == ["0.123", "–", "7.60"]
    assert [signed(0.1), signed(-0.1), signed(None)] == ["+0.100", "-0.100", "–"]
    assert [counted(1, "case"), counted(0, "case")] == ["1 case", "0 cases"]

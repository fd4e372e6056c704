"""Both pages in a real browser: they draw, they fit, they ask nothing of a network."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from evaluation.__main__ import main
from tests.evaluation.drawn import draw_classification, draw_detection

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CURVES = {
    "detection": [f"precision-recall-{curve}" for curve in ("curve", "other")]
    + [f"free-response-{curve}" for curve in ("curve", "other")]
    + [f"thresholds-{curve}-curve" for curve in ("f1", "precision", "recall")],
    "classification": ["roc-curve", "roc-other", "reliability-curve"],
}
BARS = [f"domains-bar-{number}" for number in range(4)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium of the system; a skip where there is none, a failure in CI."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        reason = f"none of {', '.join(BROWSERS)} is installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=["detection", "classification"])
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def report(task: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two compared systems with 40 cases, of which one has a very long name."""
    folder = tmp_path_factory.mktemp(task)
    (draw_detection if task == "detection" else draw_classification)(folder)
    long = "a_case_whose_name_somebody_made_of_a_whole_path_and_the_date_" * 3
    (folder / "truth.csv").write_text((folder / "truth.csv").read_text().replace("007.tiff", f"{long}.tiff"))
    for system in ("good", "worse"):
        (folder / system / "007").rename(folder / system / long)
    words = ["--predictions", "good", "--against", "worse", "--ground-truth", "truth.csv", "--output", "out"]
    assert main([task, *(word if word.startswith("--") else str(folder / word) for word in words)]) == 0
    return folder / "out" / "report.html"


@pytest.fixture(params=[1100, 400])
def page(browser: Browser, report: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page, open at a desk's width and at a phone's; whatever it complains of or asks for fails the test."""
    page = browser.new_page(viewport={"width": request.param, "height": 800})
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: requests.append(asked.url))
    page.goto(report.as_uri())
    yield page
    page.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:")] == [report.as_uri()]


def test_the_curves_are_drawn(page: Page, task: str) -> None:
    for name in CURVES[task]:
        path = page.locator(f"#{name} path").first
        box = path.bounding_box()
        assert box is not None
        assert box["width"] > 100, name
        assert box["height"] > 40, name
        assert str(path.get_attribute("d")).count("L") >= 5, name


def test_every_domain_has_a_bar(page: Page) -> None:
    for name in BARS:
        box = page.locator(f"#{name} path").bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) > 10


def test_charts_lie_within_the_page_and_have_names(page: Page, task: str) -> None:
    charts = page.get_by_role("img")
    assert charts.count() == (4 if task == "detection" else 3)
    width = page.evaluate("document.documentElement.clientWidth")
    for chart in charts.all():
        box = chart.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    for name in ("F1 of each tumour domain", "Balanced accuracy of each tumour domain"):
        assert page.get_by_role("img", name=name).count() == (("F1" in name) == (task == "detection"))


def test_nothing_hangs_over_the_side(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_text_in_charts_can_be_read(page: Page) -> None:
    """No smaller than 7 px, even where a chart shrinks to a phone."""
    sizes = page.evaluate("[...document.querySelectorAll('svg text')].map(text => text.getBoundingClientRect().height)")
    assert len(sizes) > 20
    assert min(sizes) >= 7


def test_the_other_cases_unfold(page: Page) -> None:
    last = page.locator("details tbody tr").last
    assert not last.is_visible()
    page.locator("summary").click()
    assert last.is_visible()

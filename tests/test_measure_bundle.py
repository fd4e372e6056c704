"""A bundle measured on annotated data sets as they are published."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from algorithm.bundle import load_bundle
from algorithm.mixed import load
from tests.synthetic.tiff import write_region
from tests.tiny_bundle import write_tiny_bundle
from tests.training.drawing import drawn_pixels
from tests.training.published import write_amida13, write_mitos_atypia14

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "measure_bundle.py"
FIGURES = [(100.0, 30.0), (40.0, 70.0)]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """It finds dark disks, as figures are drawn."""
    return write_tiny_bundle(tmp_path / "bundle")


def measure(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", [SCRIPT.name, *map(str, words)])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def test_it_is_measured_per_domain(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is annotated on the Hamamatsu scan, so that its two disks are false alarms."""
    folder = write_mitos_atypia14(tmp_path / "MITOS", {"A03_00Aa": (FIGURES, []), "H03_00Aa": (FIGURES, [])})
    (folder / "H03" / "mitosis" / "H03_00Aa_mitosis.csv").write_text("")
    measure(monkeypatch, bundle, "--data", folder)
    said = capsys.readouterr().out
    assert "MITOS: MITOS-ATYPIA 14 layout, 2 regions, 2 mitotic figures, 0 hard negatives" in said
    assert '"true_positives": 2,\n  "false_positives": 2,\n  "false_negatives": 0,' in said
    assert "| f1 of domain Aperio ScanScope XT | 1.000 (precision 1.000, recall 1.000, AP 1.000) |" in said
    assert "| f1 of domain Hamamatsu NanoZoomer 2.0-HT | 0.000 (precision 0.000, recall 0.000, AP none) |" in said


def test_several_data_sets_are_measured_together(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mitos = write_mitos_atypia14(tmp_path / "MITOS", {"A03_00Aa": (FIGURES, [])})
    measure(monkeypatch, bundle, "--data", mitos, write_amida13(tmp_path / "AMIDA13", {"01/01": FIGURES}))
    said = capsys.readouterr().out
    assert "| f1 of domain AMIDA13 | 1.000" in said
    assert '"regions": 2,\n  "figures": 4,' in said


def test_an_official_ground_truth_gives_the_same_scores(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of two figures is not annotated: a false alarm, whichever way the truth is given."""
    (tmp_path / "regions" / "images").mkdir(parents=True)
    write_region(tmp_path / "regions" / "images" / "a.tiff", drawn_pixels(128, 96, FIGURES, []), 0.25)
    truth = {"a.tiff": {"tumor domain": "AMIDA13", "annotations": [[0.025, 0.0075, 0]]}}
    (tmp_path / "regions" / "ground_truth.json").write_text(json.dumps(truth))
    (tmp_path / "regions" / "tissue.json").write_text('{"a.tiff": 0.001}')
    measure(monkeypatch, bundle, "--regions", tmp_path / "regions")
    assert "| f1 of domain AMIDA13 | 0.667 (precision 0.500, recall 1.000" in capsys.readouterr().out
    of_regions = json.loads((bundle / "measured.json").read_text())["regions"]["domains"]

    folder = write_amida13(tmp_path / "AMIDA13", {"01/01": FIGURES})
    (folder / "01" / "01.csv").write_text("30,100\n")
    script = runpy.run_path(str(SCRIPT))
    detector = load([load_bundle(bundle)], "auto", None, None)
    measured = script["measure_data"](detector, [folder], None)
    assert json.loads(json.dumps(measured["domains"])) == of_regions


def test_an_external_test_set_leaves_the_bundle_as_it_is(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """measured.json has the figures of its model card."""
    before = sorted(path.name for path in bundle.iterdir())
    measure(monkeypatch, bundle, "--data", write_amida13(tmp_path / "AMIDA13", {"01/01": FIGURES}))
    assert sorted(path.name for path in bundle.iterdir()) == before
